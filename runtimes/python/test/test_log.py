"""docs/contract/node-runtime.md §6 and execution-environment.md §7.1: the function's log."""

from __future__ import annotations

import json
import time

from .harness import RuntimeTest

LOGS = """
import logging
log = logging.getLogger("mine")
def handler(event, context):
    getattr(log, event.get("level", "warning"))(event.get("text", "hello"), *event.get("args", []))
"""
ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
JSON = {"AWS_LAMBDA_LOG_FORMAT": "JSON"}


def request_id_of(request):
    return request.path.split("/")[-2]


class Text(RuntimeTest):
    def test_a_record_is_a_frame_with_its_level(self):
        fn = self.start(LOGS, env={"AWS_LAMBDA_LOG_LEVEL": "TRACE"})
        levels = {"debug": 0x08, "info": 0x0C, "warning": 0x10, "error": 0x14, "critical": 0x18}
        for n, (level, bits) in enumerate(levels.items()):
            request = fn.run({"level": level, "text": "a %s\nü", "args": ["x"]})
            fn.eventually(lambda f: len(f.all_frames) == n + 1)
            kind, micros, text = fn.all_frames[-1]
            self.assertEqual(kind, 0xA55A0003 | bits)
            self.assertLess(abs(micros / 1e6 - time.time()), 60)
            self.assertRegex(text, rf"^\[{level.upper()}\]\t{ISO}\t{request_id_of(request)}\ta x\nü\n$")
        self.assertEqual((fn.stdout, fn.stderr), ("", ""))

    def test_a_record_is_a_line_on_stdout_without_a_descriptor(self):
        fn = self.start(LOGS, frames=False)
        request = fn.run({"text": "a\nb"})
        fn.eventually(lambda f: f.stdout)
        self.assertRegex(fn.stdout, rf"^\[WARNING\]\t{ISO}\t{request_id_of(request)}\ta\rb\n$")

    def test_the_level(self):
        for level, logged in (
            (None, ["warning", "error"]),
            ("DEBUG", ["debug", "info", "warning", "error"]),
            ("info", ["info", "warning", "error"]),
            ("WARN", ["warning", "error"]),
            ("FATAL", []),
            ("nonsense", ["warning", "error"]),
        ):
            with self.subTest(level):
                fn = self.start(LOGS, env={"AWS_LAMBDA_LOG_LEVEL": level} if level else {}, frames=False)
                for name in ("debug", "info", "warning", "error"):
                    fn.run({"level": name})
                fn.api.close()
                fn.wait()
                self.assertEqual([line.split("]")[0][1:].lower() for line in fn.stdout.splitlines()], logged)

    def test_logging_exception_has_the_traceback(self):
        fn = self.start(
            """
            import logging
            def handler(event, context):
                try: {}["k"]
                except KeyError: logging.exception("caught")
            """
        )
        fn.run()
        fn.eventually(lambda f: f.log)
        self.assertRegex(fn.log, r"^\[ERROR\]\t.*\tcaught\nTraceback \(most recent call last\):\n  File .*\n(.*\n)*KeyError: 'k'\n$")

    def test_before_the_first_event_there_is_no_request_id(self):
        fn = self.start("import logging\nlogging.warning('at init')\ndef handler(event, context): pass")
        fn.run()
        fn.eventually(lambda f: f.log)
        self.assertRegex(fn.log, rf"^\[WARNING\]\t{ISO}\t\tat init\n$")

    def test_threads_and_tasks_know_the_request_id(self):
        fn = self.start(
            """
            import asyncio, logging, threading
            async def task(): logging.warning("task")
            async def handler(event, context):
                thread = threading.Thread(target=logging.warning, args=["thread"])
                thread.start()
                thread.join()
                await asyncio.create_task(task())
            """
        )
        for _ in range(2):
            request = fn.run()
            for what in ("thread", "task"):
                fn.eventually(lambda f: f"\t{request_id_of(request)}\t{what}\n" in f.log)

    def test_prints_are_raw_and_leave_at_once(self):
        fn = self.start(
            """
            import sys
            def handler(event, context):
                print("a", "ü", 1)
                print("error", file=sys.stderr)
                sys.stdout.write("no line break")
            """
        )
        fn.run()
        fn.eventually(lambda f: f.stdout == "a ü 1\nno line break" and f.stderr == "error\n")
        self.assertEqual(fn.log, "")

    def test_a_formatter_of_the_functions_own(self):
        fn = self.start(
            """
            import logging
            logging.getLogger().handlers[0].setFormatter(logging.Formatter("%(aws_request_id)s|%(message)s"))
            def handler(event, context):
                logging.warning("mine")
                context.log("as it is")
            """
        )
        request = fn.run()
        fn.eventually(lambda f: f.log == f"{request_id_of(request)}|mine\nas it is\n")

    def test_a_failure_on_stdout_is_one_line(self):
        fn = self.start("def handler(event, context): raise ValueError('x')", frames=False)
        fn.run()
        fn.eventually(lambda f: f.stdout.endswith("\n"))
        self.assertRegex(fn.stdout, r"^\[ERROR\] ValueError: x\rTraceback \(most recent call last\):\r  File [^\n]*\n$")

    def test_a_failure_has_its_frame(self):
        fn = self.start("def handler(event, context): raise ValueError('x')")
        fn.run()
        fn.eventually(lambda f: f.all_frames)
        self.assertEqual(fn.all_frames[0][0], 0xA55A0003 | 0x14)

    def test_a_program_of_the_function_does_not_get_the_descriptor(self):
        fn = self.start(
            """
            import os, subprocess, sys
            def handler(event, context):
                check = "import os, sys; print([n for n in os.listdir('/proc/self/fd') if int(n) > 2])"
                return subprocess.run([sys.executable, "-c", check], close_fds=False, capture_output=True, text=True).stdout
            """
        )
        self.assertLessEqual(len(eval(fn.run().json)), 1)  # the listing's own


class Json(RuntimeTest):
    def test_a_record(self):
        fn = self.start(LOGS, env=JSON)
        request = fn.run({"level": "info", "text": "a %s\nb", "args": ["x"]}, {"Lambda-Runtime-Aws-Tenant-Id": "blue"})
        fn.eventually(lambda f: f.all_frames)
        kind, _, text = fn.all_frames[0]
        self.assertEqual(kind, 0xA55A0002 | 0x0C)
        entry = json.loads(text)
        self.assertRegex(entry.pop("timestamp"), f"^{ISO}$")
        self.assertEqual(
            entry,
            {"level": "INFO", "message": "a x\nb", "logger": "mine", "requestId": request_id_of(request), "tenantId": "blue"},
        )
        self.assertNotIn("\n", text)

    def test_an_exception_and_extras(self):
        fn = self.start(
            """
            import logging
            def handler(event, context):
                try: {}["k"]
                except KeyError: logging.getLogger("mine").exception("caught", extra={"order": 7, "odd": {1, 2}.__class__})
            """,
            env=JSON,
        )
        fn.run()
        fn.eventually(lambda f: f.log)
        entry = json.loads(fn.log)
        self.assertEqual((entry["message"], entry["errorType"], entry["errorMessage"]), ("caught", "KeyError", "'k'"))
        self.assertEqual(len(entry["stackTrace"]), 1)
        self.assertEqual((entry["order"], entry["odd"]), (7, "<class 'set'>"))

    def test_the_level_is_info_unless_set(self):
        for env, logged in ((JSON, ["info"]), ({**JSON, "AWS_LAMBDA_LOG_LEVEL": "DEBUG"}, ["debug", "info"])):
            fn = self.start(LOGS, env=env, frames=False)
            fn.run({"level": "debug"})
            fn.run({"level": "info"})
            fn.api.close()
            fn.wait()
            self.assertEqual([json.loads(line)["level"].lower() for line in fn.stdout.splitlines()], logged)

    def test_a_failure(self):
        fn = self.start("def handler(event, context): raise ValueError('x')", env=JSON)
        request = fn.run()
        fn.eventually(lambda f: f.all_frames)
        self.assertEqual(fn.all_frames[0][0], 0xA55A0002 | 0x14)
        entry = json.loads(fn.log)
        self.assertRegex(entry.pop("timestamp"), f"^{ISO}$")
        stack = entry.pop("stackTrace")
        self.assertEqual(len(stack), 1)
        self.assertEqual(
            entry,
            {"level": "ERROR", "message": "x", "requestId": request_id_of(request), "errorType": "ValueError", "errorMessage": "x"},
        )
