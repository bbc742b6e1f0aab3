"""The errors with which comparing and searching faces is refused; the API maps ``code`` to an HTTP status."""


class IdentityRefused(Exception):
    """Base of these errors. ``code`` is stable and part of the public API; ``field`` names what was wrong, if known."""

    code = "identity_refused"

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class IdentityOff(IdentityRefused):
    """The operator has not turned identity on."""

    code = "identity_off"

    def __init__(self) -> None:
        super().__init__("this server does not compare faces: its operator has not turned identity on")


class NoFace(IdentityRefused):
    """No face was found in an image that must have one."""

    code = "no_face"


class TooManyFaces(IdentityRefused):
    """An image has more faces than the request may compare."""

    code = "too_many_faces"


class OtherModel(IdentityRefused):
    """A vector comes from another model than the one in service; the two cannot be compared."""

    code = "other_model"
