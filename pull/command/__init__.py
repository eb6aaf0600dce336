"""`python -m pull`: the program that joins the three packages.

Options, progress, the summary, signals, exit statuses, and the conversion itself. With
`pull.guest`, this room alone knows both `flatten` and `pyext4`.
"""
