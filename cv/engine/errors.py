"""All errors with which the engine refuses an image; the API maps ``code`` to an HTTP status."""


class EngineError(Exception):
    """Base of all engine errors. ``code`` is stable and part of the public API."""

    code = "engine_error"


class InvalidOptions(EngineError):
    """An analysis option has a value outside its range."""

    code = "invalid_request"


class UnsupportedMediaType(EngineError):
    """The bytes are not one of the image formats the engine reads."""

    code = "unsupported_media_type"


class ImageTooLarge(EngineError):
    """More bytes or more pixels than the limits allow."""

    code = "image_too_large"


class UndecodableImage(EngineError):
    """The header names a known format, but the pixels cannot be read: truncated, corrupt or inconsistent."""

    code = "undecodable_image"


class ImageTooExpensive(EngineError):
    """The image takes more time or memory than one image may, or is crafted to."""

    code = "image_too_expensive"


class FormatUnavailable(EngineError):
    """A picture cannot be written in the format asked for: it is too large for it, or this machine has no codec."""

    code = "format_unavailable"


class NoPerson(EngineError):
    """No person was found in a photo that must have one."""

    code = "no_person"


class ModelNotReady(EngineError):
    """Weights are missing, changed since they were published, or failed to load."""

    code = "model_not_ready"


class VideoTooLarge(EngineError):
    """A video has more bytes or larger frames than the limits allow."""

    code = "video_too_large"


class VideoTooLong(EngineError):
    """A video lasts longer, or has more frames, than the limits allow."""

    code = "video_too_long"


class VideoTooExpensive(EngineError):
    """The video takes more time or memory than one video may, or is crafted to."""

    code = "video_too_expensive"


class UndecodableVideo(EngineError):
    """The container or the frames of a video cannot be read: truncated, corrupt or inconsistent."""

    code = "undecodable_video"


class NoFrames(EngineError):
    """A file without a moving picture, for example one with sound alone."""

    code = "no_frames"
