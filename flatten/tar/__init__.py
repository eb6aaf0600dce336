"""The meaning of tar headers, as values.

Numbers, PAX records, attributes, ACLs, times, sparse maps and the types of members. Nothing here
knows the tree that members are merged into, or reads a stream.
"""
