"""Asking a process for its health."""

import asyncio
import socket

import httpx

PATIENCE = 30.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
    return number


async def answer(port: int, path: str, status: int) -> httpx.Response:
    """The answer, once it has this status."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client, asyncio.timeout(PATIENCE):
        while True:
            try:
                response = await client.get(path)
            except httpx.TransportError:
                pass
            else:
                if response.status_code == status:
                    return response
            await asyncio.sleep(0.01)
