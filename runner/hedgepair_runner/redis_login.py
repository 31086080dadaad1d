"""The login of Redis, read anew from its file for each connection: passwords are rotated.

The operator rewrites a pair's Secret, the kubelet refreshes the file, and the password before stays
good until the next rotation. A runner takes the new one at its next connection, without a restart.
"""

from __future__ import annotations

from pathlib import Path

from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError

from hedgepair_runner.redis_urls import Login, login_of, read_redis_url


class LoginFile(CredentialProvider):
    """Asked by the library at each connection. Raises AuthenticationError while the file holds no
    URL; the texts of its errors never hold the file's content."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get_credentials(self) -> Login:
        try:
            return login_of(read_redis_url(self._path))
        except ValueError as error:
            raise AuthenticationError(str(error)) from None

    async def get_credentials_async(self) -> Login:
        return self.get_credentials()
