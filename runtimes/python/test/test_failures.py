"""docs/contract/execution-environment.md §4.2, §7.1: what of an error goes where."""

from __future__ import annotations

from .api_server import reply, shut
from .harness import RuntimeTest


class Init(RuntimeTest):
    def fails(self, files, kind, message, stack=None, **options):
        fn = self.start(files, **options)
        request = fn.init_error()
        self.assertEqual(fn.wait(), 1)
        self.assertEqual(list(request.json), ["errorMessage", "errorType", "requestId", "stackTrace"])
        self.assertEqual(request.json["errorType"], kind)
        self.assertRegex(request.json["errorMessage"], message)
        self.assertEqual(request.json["requestId"], "")
        if stack is not None:
            self.assertEqual(request.json["stackTrace"], [line.replace("ROOT", fn.root) for line in stack])
        self.assertEqual(request.header("Lambda-Runtime-Function-Error-Type"), kind)
        self.assertIn(f"[ERROR] {kind}: {request.json['errorMessage']}", fn.log)
        self.assertEqual([r.path for r in fn.api.requests], ["/2018-06-01/runtime/init/error"])
        return fn

    def test_malformed_handler_name(self):
        message = r"^Bad handler 'handler': not enough values to unpack \(expected 2, got 1\)$"
        self.fails("", "Runtime.MalformedHandlerName", message, [], handler="handler")
        for name in (".handler", "../app.handler"):
            self.fails("", "Runtime.MalformedHandlerName", "^Bad handler", [], handler=name)

    def test_built_in_module(self):
        message = "^Cannot use built-in module sys as a handler module$"
        self.fails("", "Runtime.BuiltInModuleConflict", message, [], handler="sys.handler")

    def test_missing_module(self):
        message = "^Unable to import module 'gone/app': No module named 'gone'$"
        self.fails("", "Runtime.ImportModuleError", message, [], handler="gone/app.handler")

    def test_a_missing_import_is_logged_with_its_place(self):
        message = "^Unable to import module 'app': No module named 'requestz'$"
        fn = self.fails("import requestz", "Runtime.ImportModuleError", message, [])
        self.assertIn(f'Traceback (most recent call last):\n  File "{fn.root}/app.py", line 1, in <module>', fn.log)

    def test_syntax_error(self):
        message = r"^Syntax error in module 'app': .*\(app.py, line 2\)$"
        self.fails("x = 1\ndef (:", "Runtime.UserCodeSyntaxError", message, ['  File "ROOT/app.py" Line 2\n    def (:\n'])

    def test_missing_handler(self):
        self.fails("", "Runtime.HandlerNotFound", "^Handler 'handler' missing on module 'app'$", [])

    def test_an_exception_keeps_its_name_and_place(self):
        stack = ['  File "ROOT/app.py", line 1, in <module>\n    {}["k"]\n']
        fn = self.start('{}["k"]')
        document = fn.init_error().json
        self.assertEqual((document["errorType"], document["errorMessage"]), ("KeyError", "'k'"))
        # Newer versions mark the place below the line.
        self.assertEqual(document["stackTrace"][0].split("\n")[:2], stack[0].replace("ROOT", fn.root).split("\n")[:2])
        self.assertEqual(len(document["stackTrace"]), 1)
        self.assertEqual(fn.wait(), 1)

    def test_sys_exit_posts_nothing(self):
        fn = self.start("import sys; sys.exit(3)")
        self.assertEqual(fn.wait(), 3)
        self.assertEqual(fn.api.requests, [])


class Invocations(RuntimeTest):
    def test_an_exception_is_posted_and_logged_and_the_loop_goes_on(self):
        fn = self.start(
            """
            class Odd(Exception): pass
            def inner(): raise Odd("a ü\\nb")
            def handler(event, context):
                if event: return "fine"
                inner()
            """
        )
        request = fn.run()
        request_id = request.path.split("/")[-2]
        self.assertEqual(request.path, f"/2018-06-01/runtime/invocation/{request_id}/error")
        self.assertEqual(list(request.json), ["errorMessage", "errorType", "requestId", "stackTrace"])
        self.assertEqual(request.json["errorMessage"], "a ü\nb")
        self.assertEqual(request.json["errorType"], "Odd")
        self.assertEqual(request.json["requestId"], request_id)
        self.assertEqual(
            [entry.split("\n")[:2] for entry in request.json["stackTrace"]],
            [
                [f'  File "{fn.root}/app.py", line 6, in handler', "    inner()"],
                [f'  File "{fn.root}/app.py", line 3, in inner', '    def inner(): raise Odd("a ü\\nb")'],
            ],
        )
        # AWS's client sends none.
        self.assertIsNone(request.header("Lambda-Runtime-Function-Error-Type"))
        self.assertIn('"label": "inner"', request.header("Lambda-Runtime-Function-XRay-Error-Cause"))
        fn.eventually(lambda f: f.log)
        self.assertTrue(fn.log.startswith(f"[ERROR] Odd: a ü\nb\nTraceback (most recent call last):\n  File \"{fn.root}"), fn.log)
        self.assertEqual(fn.run(1).json, "fine")
        self.assertEqual(len(fn.api.accepted), 1)

    def fails(self, source, kind, message, *, stack, **event):
        fn = self.start("import decimal, datetime\nclass Bad(Exception):\n  def __str__(self): raise ValueError()\n" + source)
        request = fn.run(**event)
        self.assertTrue(request.path.endswith("/error"), request.path)
        self.assertEqual(request.json["errorType"], kind)
        self.assertRegex(request.json["errorMessage"], message)
        self.assertEqual(len(request.json["stackTrace"]), stack, request.json)
        return fn

    def test_results_that_are_not_json(self):
        for result, message in (
            ("decimal.Decimal(1)", "^Unable to marshal response: Object of type Decimal is not JSON serializable$"),
            ("{'a': datetime.date(2026, 1, 1)}", "Object of type date is not JSON serializable"),
            ("{(1, 2): 3}", "keys must be str"),
            ("{1, 2}", "Object of type set"),
        ):
            with self.subTest(result):
                self.fails(f"def handler(event, context): return {result}", "Runtime.MarshalError", message, stack=0)

    def test_events_that_are_not_json(self):
        self.fails(
            "def handler(e, c): pass", "Runtime.UnmarshalError", "^Unable to unmarshal input: Expecting", stack=0, body=b"{,"
        )

    def test_odd_exceptions(self):
        for body, kind, message in (
            ("raise Bad()", "Bad", "^<the message can't be read: ValueError>$"),
            ("raise BaseException('base')", "BaseException", "^base$"),
            ("raise ValueError('\\ud800')", "ValueError", "^\ud800$"),
            ("raise GeneratorExit('x')", "GeneratorExit", "^x$"),
        ):
            with self.subTest(body):
                self.fails(f"def handler(event, context): {body}", kind, message, stack=1)

    def test_a_wrong_signature(self):
        self.fails("def handler(): pass", "TypeError", "takes 0 positional arguments but 2 were given", stack=0)

    def test_async_handlers_fail_with_their_own_frames(self):
        fn = self.fails(
            "import asyncio\nasync def handler(event, context):\n  await asyncio.sleep(0)\n  raise LookupError('x')",
            "LookupError", "^x$", stack=1,
        )  # fmt: skip
        self.assertIn(f'File "{fn.root}/app.py", line 7, in handler', fn.run().json["stackTrace"][0])

    def test_sys_exit_posts_what_the_platform_would_say(self):
        for keyword in ("", "async "):
            for code, status, reason in (
                ("3", 3, "Runtime exited with error: exit status 3"),
                ("0", 0, "Runtime exited without providing a reason"),
                ("'text'", 1, "Runtime exited with error: exit status 1"),
            ):
                with self.subTest(keyword + code):
                    fn = self.start(f"import sys\n{keyword}def handler(event, context): sys.exit({code})")
                    request_id = fn.api.invoke()
                    request = fn.api.answer(request_id).until(lambda r: r.over)
                    self.assertEqual(
                        request.json,
                        {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {request_id} Error: {reason}"},
                    )
                    self.assertEqual(request.header("Lambda-Runtime-Function-Error-Type"), "Runtime.ExitError")
                    self.assertEqual(fn.wait(), status)


class Platform(RuntimeTest):
    def test_the_process_ends_when_the_api_closes(self):
        fn = self.start("def handler(event, context): return 1")
        fn.run()
        fn.api.close()
        self.assertEqual(fn.wait(), 1)
        self.assertRegex(fn.stderr, r"^\[sluice\] the Runtime API at .* is gone: .*\n$")

    def test_a_refused_answer_is_told_and_the_loop_goes_on(self):
        fn = self.start("def handler(event, context): return event")
        refused = []

        def refuse(request, reader):
            if refused:
                return False
            refused.append(request)
            reply(request.connection, 413, b'{"errorType":"RequestEntityTooLarge"}')
            request.update(over=True)
            shut(request.connection)
            return True

        fn.api.behave = refuse
        fn.run("x" * (6 << 20))
        self.assertEqual(fn.run("small").json, "small")
        fn.eventually(lambda f: '[sluice] the Runtime API refused an answer: 413 {"errorType"' in f.stderr)

    def test_a_connection_that_breaks_in_next_is_replaced(self):
        fn = self.start("def handler(event, context): return event")
        self.assertEqual(fn.run(1).json, 1)
        fn.api.hang_up()
        fn.api.request(lambda r: len(fn.api.accepted) == 2)
        self.assertEqual(fn.run(2).json, 2)
