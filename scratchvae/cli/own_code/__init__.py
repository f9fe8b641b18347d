"""Code in a file of the user's own, ``FILE.py:NAME``: it is only run, never changed.

Whatever it does, the program lives: it runs in a process of its own with a limit to its time
(``process``, and ``child`` inside it). ``target`` reads what was typed, ``loading`` runs the file
and finds the name in it, ``failures`` says in one line what went wrong and in which line, and
``gradients`` checks what was found.
"""
