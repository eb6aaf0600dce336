"""`python -m pull`: the program that joins the three packages.

Options, progress, the summary, signals, exit statuses, and the conversion itself. With
`pull.guest`, only this room knows both `flatten` and `pyext4`.
"""
