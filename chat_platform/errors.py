"""What can go wrong, in words for the person who has to mend it.

Every error that the platform raises on purpose is a ChatPlatformError; the command line prints its text
without a traceback. No text of a database driver passes through here: drivers quote the data they choke on.
"""


class ChatPlatformError(Exception):
    """Base of all errors that carry a message for people."""


class SettingsError(ChatPlatformError):
    """A setting is missing, unknown or wrong; names the setting, what it got and what would be right."""


class LandingError(ChatPlatformError):
    """A landing folder cannot be read."""


class LakeError(ChatPlatformError):
    """The lake cannot be written or read; nothing of the load counts until its manifest stands."""


class WarehouseError(ChatPlatformError):
    """The warehouse cannot be reached, read or written."""


class LockedError(ChatPlatformError):
    """Another process holds a lock for longer than the caller was ready to wait."""
