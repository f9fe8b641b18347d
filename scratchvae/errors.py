"""The one error that the package raises about what it was given."""


class InputError(ValueError):
    """Something given to the package cannot be used.

    The message is one line that says what was expected, what came and what to do. The command
    line prints it and exits with code 2; a library user catches it as a ``ValueError``.
    """
