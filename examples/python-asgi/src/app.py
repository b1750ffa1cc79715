"""An ASGI application, as frameworks make them, behind a Function URL.

With Starlette or FastAPI the last line is all there is to write.
"""

import asyncio
import json
from urllib.parse import parse_qs

import awslambda


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError(f"{scope['type']} is not served")
    if scope["path"] != "/":
        await answer(send, 404, "text/plain; charset=utf-8", b"nothing here but /\n")
        return
    query = parse_qs(scope["query_string"].decode())
    count = min(int(query.get("count", ["5"])[0]), 100)
    pause = min(float(query.get("pause", ["500"])[0]), 5000) / 1000
    await send({
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")],
    })
    for number in range(count):
        data = json.dumps({"tick": number, "from": scope["client"][0]})
        await send({"type": "http.response.body", "body": f"id: {number}\ndata: {data}\n\n".encode(), "more_body": True})
        await asyncio.sleep(pause)
    await send({"type": "http.response.body"})


async def answer(send, status, content_type, body):
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", content_type.encode())]})
    await send({"type": "http.response.body", "body": body})


handler = awslambda.asgi(app)
