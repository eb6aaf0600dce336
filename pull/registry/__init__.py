"""Everything that speaks HTTP.

`client` is a registry as a source of images. `transport` sends requests and tries again. It asks
`redirects` where to go on and `auth` for a signature, which takes the server's `challenges` and our
`credentials`. `body` and `answers` read what comes back: success or refusal. `wire` is the wall
below all this: only it knows requests, urllib3 and http.client. `foreign` finds layers that are
elsewhere. Nothing here knows the cache, or picks a platform.
"""
