"""WSGI and ASGI applications behind a Function URL."""

from __future__ import annotations

import base64
import json
import os
import unittest

from .api_server import read_chunk, shut
from .harness import RuntimeTest, with_wait


def http_event(method="GET", path="/", query="", *, body=None, base64_body=None, headers=None, cookies=None):
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "abc.lambda-url.eu-west-1.example.org", "x-forwarded-port": "443", "x-forwarded-proto": "https"},
        "requestContext": {
            "domainName": "abc.lambda-url.eu-west-1.example.org",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7"},
        },
        "isBase64Encoded": base64_body is not None,
    }
    event["headers"].update(headers or {})
    if cookies:
        event["cookies"] = cookies
    if body is not None:
        event["body"] = body
    if base64_body is not None:
        event["body"] = base64.b64encode(base64_body).decode()
    return event


def response_of(request):
    prelude, _, body = request.body.partition(bytes(8))
    return json.loads(prelude), body


class Wsgi(RuntimeTest):
    ECHO = """
    import awslambda, json
    from wsgiref.validate import validator
    def app(environ, start_response):
        shown = {k: v for k, v in environ.items() if isinstance(v, str)}
        shown["input"] = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode("latin-1")
        body = json.dumps(shown).encode()
        start_response("201 Created", [("Content-Type", "application/json"), ("Set-Cookie", "a=b"), ("Set-Cookie", "c=d"),
                                       ("X-Twice", "1"), ("X-Twice", "2"), ("Content-Length", str(len(body)))])
        return [body]
    handler = awslambda.wsgi(validator(app))
    """

    def test_environ_and_response(self):
        fn = self.start(self.ECHO)
        headers = {"content-type": "application/x-www-form-urlencoded", "x-ü": "ü"}
        event = http_event("POST", "/a%2Fb/%C3%BC", "x=1&x=%20", base64_body=b"\x00\xff", headers=headers, cookies=["k=v", "l=w"])
        prelude, body = response_of(fn.run(event))
        self.assertEqual(prelude["statusCode"], 201)
        self.assertEqual(prelude["cookies"], ["a=b", "c=d"])
        self.assertEqual(
            prelude["headers"], {"Content-Type": "application/json", "X-Twice": "1, 2", "Content-Length": str(len(body))}
        )
        environ = json.loads(body)
        expected = {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/a/b/\u00c3\u00bc",
            "QUERY_STRING": "x=1&x=%20",
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "CONTENT_LENGTH": "2",
            "SERVER_NAME": "abc.lambda-url.eu-west-1.example.org",
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "203.0.113.7",
            "HTTP_COOKIE": "k=v; l=w",
            "HTTP_HOST": "abc.lambda-url.eu-west-1.example.org",
            "wsgi.url_scheme": "https",
            "input": "\x00\u00ff",
        }
        self.assertEqual({name: environ.get(name) for name in expected}, expected)
        prelude, body = response_of(fn.run(http_event("POST", body="text ü", headers={"cookie": "x=y"}, cookies=["x=y"])))
        self.assertEqual((json.loads(body)["input"], json.loads(body)["HTTP_COOKIE"]), ("text \u00c3\u00bc", "x=y"))
        self.assertEqual(fn.run(http_event("GET", "/")).trailers, {})

    def test_each_piece_leaves_at_once(self):
        fn = self.start(
            with_wait(
                """
                import awslambda
                from waiting import wait_for
                def app(environ, start_response):
                    start_response("200 OK", [])
                    yield b"one"
                    wait_for("seen")
                    yield b"two"
                handler = awslambda.wsgi(app)
                """
            )
        )
        request = fn.api.answer(fn.api.invoke(http_event())).until(lambda r: r.body.endswith(b"one"))
        self.assertFalse(request.over)
        fn.touch("seen")
        request.until(lambda r: r.complete)
        self.assertEqual(response_of(request)[1], b"onetwo")

    def test_ways_to_answer(self):
        fn = self.start(
            """
            import awslambda, sys
            class Body:
                def __iter__(self): return iter([b"a"])
                def close(self): print("closed")
            def app(environ, start_response):
                path = environ["PATH_INFO"]
                write = start_response("200 OK", [])
                if path == "/write": write(b"w"); return [b"x"]
                if path == "/empty": return []
                if path == "/body": return Body()
                if path == "/twice": start_response("200 OK", [])
                if path == "/replaced":
                    try: raise ValueError("x")
                    except ValueError: start_response("500 Oh", [], sys.exc_info())
                    return [b"sorry"]
                if path == "/text": return ["text"]
                if path == "/late":
                    def late():
                        yield b"a"
                        raise LookupError("late")
                    return late()
                raise LookupError("early")
            handler = awslambda.wsgi(app)
            """
        )
        ok = {"statusCode": 200, "headers": {}}
        self.assertEqual(response_of(fn.run(http_event(path="/write"))), (ok, b"wx"))
        self.assertEqual(response_of(fn.run(http_event(path="/empty"))), (ok, b""))
        self.assertEqual(response_of(fn.run(http_event(path="/body"))), (ok, b"a"))
        fn.eventually(lambda f: f.stdout == "closed\n")
        self.assertEqual(response_of(fn.run(http_event(path="/replaced")))[0]["statusCode"], 500)
        self.assertIn("a second time", fn.run(http_event(path="/twice")).json["errorMessage"])
        self.assertIn("must be bytes", fn.run(http_event(path="/text")).json["errorMessage"])
        self.assertEqual(fn.run(http_event(path="/late")).trailer_error["errorMessage"], "late")
        document = fn.run(http_event()).json
        self.assertEqual((document["errorType"], document["errorMessage"]), ("LookupError", "early"))
        self.assertEqual(len(document["stackTrace"]), 1)

    def test_other_events_are_refused(self):
        for source in ("awslambda.wsgi(None)", "awslambda.asgi(None)"):
            fn = self.start(f"import awslambda\nhandler = {source}")
            for event in ({"Records": []}, [1], {}, {"version": "1.0", "path": "/"}):
                document = fn.run(event).json
                self.assertEqual(document["errorType"], "NotAnHttpEvent")
                self.assertIn("it needs the event of a Function URL (payload format 2.0)", document["errorMessage"])


class Asgi(RuntimeTest):
    def test_scope_and_response(self):
        fn = self.start(
            """
            import awslambda, json
            async def app(scope, receive, send):
                assert scope["type"] == "http"
                message = await receive()
                shown = {k: repr(scope[k]) for k in ("http_version", "method", "scheme", "path", "raw_path", "query_string",
                                                     "root_path", "client", "server")}
                shown["headers"] = {k.decode(): v.decode() for k, v in scope["headers"]}
                shown["request"] = repr(message)
                await send({"type": "http.response.start", "status": 202, "headers": [
                    (b"content-type", b"application/json"), (b"set-cookie", b"a=b"), (b"x", b"1"), (b"X", b"2"),
                    (b"transfer-encoding", b"chunked")]})
                await send({"type": "http.response.body", "body": json.dumps(shown).encode()})
            handler = awslambda.asgi(app)
            """
        )
        event = http_event("PUT", "/a%2Fb/%C3%BC", "x=1", base64_body=b"\x00\xff", cookies=["k=v", "l=w"], headers={"host": "h:81"})
        prelude, body = response_of(fn.run(event))
        self.assertEqual(
            prelude, {"statusCode": 202, "headers": {"content-type": "application/json", "x": "1, 2"}, "cookies": ["a=b"]}
        )
        shown = json.loads(body)
        self.assertEqual(shown.pop("headers")["cookie"], "k=v; l=w")
        self.assertEqual(
            shown,
            {
                "http_version": "'1.1'",
                "method": "'PUT'",
                "scheme": "'https'",
                "path": "'/a/b/ü'",
                "raw_path": "b'/a%2Fb/%C3%BC'",
                "query_string": "b'x=1'",
                "root_path": "''",
                "client": "('203.0.113.7', 0)",
                "server": "('h', 81)",
                "request": "{'type': 'http.request', 'body': b'\\x00\\xff', 'more_body': False}",
            },
        )

    def test_each_piece_leaves_at_once_and_the_end_before_the_return(self):
        fn = self.start(
            with_wait(
                """
                import awslambda
                from waiting import wait_for
                async def app(scope, receive, send):
                    await receive()
                    await send({"type": "http.response.start", "status": 200})
                    await send({"type": "http.response.body", "body": b"one", "more_body": True})
                    wait_for("seen")
                    await send({"type": "http.response.body", "body": b"two"})
                    print((await receive())["type"])
                    wait_for("ended")
                handler = awslambda.asgi(app)
                """
            )
        )
        request = fn.api.answer(fn.api.invoke(http_event())).until(lambda r: r.body.endswith(b"one"))
        self.assertFalse(request.over)
        fn.touch("seen")
        request.until(lambda r: r.complete)
        fn.touch("ended")
        fn.settle(request)
        self.assertEqual(response_of(request)[1], b"onetwo")
        fn.eventually(lambda f: f.stdout == "http.disconnect\n")

    def test_lifespan(self):
        fn = self.start(
            """
            import awslambda, json
            seen = []
            async def app(scope, receive, send):
                if scope["type"] == "lifespan":
                    assert (await receive())["type"] == "lifespan.startup"
                    scope["state"]["pool"] = "made"
                    seen.append("startup")
                    await send({"type": "lifespan.startup.complete"})
                    assert (await receive())["type"] == "lifespan.shutdown"
                    print("shutdown")
                    await send({"type": "lifespan.shutdown.complete"})
                    return
                await send({"type": "http.response.start", "status": 200})
                await send({"type": "http.response.body", "body": json.dumps([seen, scope["state"]]).encode()})
            handler = awslambda.asgi(app)
            """
        )
        for _ in range(2):
            self.assertEqual(json.loads(response_of(fn.run(http_event()))[1]), [["startup"], {"pool": "made"}])
        fn.api.close()
        fn.wait()
        self.assertEqual(fn.stdout, "shutdown\n")

    def test_a_failed_startup(self):
        fn = self.start(
            """
            import awslambda
            async def app(scope, receive, send):
                await receive()
                await send({"type": "lifespan.startup.failed", "message": "no database"})
            handler = awslambda.asgi(app)
            """
        )
        for _ in range(2):
            self.assertIn("startup failed: no database", fn.run(http_event()).json["errorMessage"])

    def test_ways_to_fail(self):
        fn = self.start(
            """
            import awslambda
            async def app(scope, receive, send):
                path = scope["path"]
                if path == "/silent": return
                if path == "/body": await send({"type": "http.response.body", "body": b""})
                await send({"type": "http.response.start", "status": 200})
                if path == "/held": raise LookupError("held")
                await send({"type": "http.response.body", "body": b"a", "more_body": True})
                if path == "/late": raise LookupError("late")
                if path == "/short": return
                await send({"type": "http.response.body"})
                await send({"type": "http.response.body"})
            handler = awslambda.asgi(app)
            """
        )
        self.assertIn("returned without a response", fn.run(http_event(path="/silent")).json["errorMessage"])
        self.assertIn("before 'http.response.start'", fn.run(http_event(path="/body")).json["errorMessage"])
        self.assertEqual(fn.run(http_event(path="/held")).json["errorMessage"], "held")
        self.assertEqual(fn.run(http_event(path="/late")).trailer_error["errorMessage"], "late")
        self.assertIn("before the end of its response", fn.run(http_event(path="/short")).trailer_error["errorMessage"])
        request = fn.run(http_event())
        self.assertEqual((request.trailers, response_of(request)[1]), ({}, b"a"))
        fn.eventually(lambda f: "after the end of its response" in f.log)

    def test_disconnect(self):
        fn = self.start(
            """
            import awslambda
            async def app(scope, receive, send):
                if scope["type"] == "lifespan": raise RuntimeError("none here")
                await receive()
                await send({"type": "http.response.start", "status": 200})
                await send({"type": "http.response.body", "body": b"a", "more_body": True})
                print((await receive())["type"])
                try:
                    await send({"type": "http.response.body", "body": b"b", "more_body": True})
                except OSError:
                    print("OSError")
                    raise RuntimeError("wrapped")
            handler = awslambda.asgi(app)
            """
        )

        def cut(request, reader):
            read_chunk(request, reader)
            read_chunk(request, reader)
            shut(request.connection)
            request.update(over=True)
            return True

        fn.api.behave = cut
        fn.settle(fn.api.answer(fn.api.invoke(http_event())))
        fn.eventually(lambda f: f.stdout == "http.disconnect\nOSError\n" and f.hints)
        self.assertEqual(fn.log, "")

    def test_starlette(self):
        try:
            import starlette
        except ImportError:
            raise unittest.SkipTest("starlette is not installed")
        fn = self.start(
            """
            import awslambda
            from starlette.applications import Starlette
            from starlette.responses import StreamingResponse
            from starlette.routing import Route
            async def pieces():
                yield "one"
                yield "two"
            async def home(request): return StreamingResponse(pieces(), status_code=202, headers={"x-q": request.query_params["q"]})
            handler = awslambda.asgi(Starlette(routes=[Route("/a", home)]))
            """,
            env={"PYTHONPATH": os.path.dirname(os.path.dirname(starlette.__file__))},
        )
        prelude, body = response_of(fn.run(http_event(path="/a", query="q=1")))
        self.assertEqual((prelude["statusCode"], prelude["headers"]["x-q"], body), (202, "1", b"onetwo"))
