import assert from 'node:assert/strict'
import { test } from 'node:test'

import { disposition, keyOf } from '../key.mjs'

for (const [path, key] of [
  ['a.txt', 'a.txt'],
  ['a/b%2Fc//d.txt', 'a/b/c//d.txt'],
  ['a%20b+c%25.txt', 'a b+c%.txt'],
  ['%C3%BC%F0%9F%98%80', 'ü😀'],
  ['...', '...'],
  ['.hidden/..a', '.hidden/..a'],
  ['x'.repeat(1024), 'x'.repeat(1024)],
]) {
  test(`${path.slice(0, 40)} is a key`, () => assert.equal(keyOf(path), key))
}

for (const path of ['', '..', '.', '../a', 'a/../b', 'a/..', 'a%2F..%2Fb', '%2e%2e%2Fa', 'a%5C..%5Cb', 'a%00', 'a%0Ab', '%', '%FF', '%zz', 'x'.repeat(1025), '%C3%BC'.repeat(513)]) {
  test(`${JSON.stringify(path.slice(0, 40))} is no key`, () => assert.throws(() => keyOf(path), { status: 400 }))
}

for (const [key, want] of [
  ['a/b.txt', 'attachment; filename="b.txt"'],
  ['a b.txt', 'attachment; filename="a b.txt"'],
  ['ü 😀.txt', `attachment; filename="_ _.txt"; filename*=UTF-8''%C3%BC%20%F0%9F%98%80.txt`],
  ['say "hi".txt', `attachment; filename="say _hi_.txt"; filename*=UTF-8''say%20%22hi%22.txt`],
  ["it's (100%)*.txt", `attachment; filename="it's (100_)*.txt"; filename*=UTF-8''it%27s%20%28100%25%29%2A.txt`],
  ['c:\\a\r\nb', 'attachment; filename="c__ab"'],
  ['invoice\u202Efdp.exe', 'attachment; filename="invoicefdp.exe"'],
  ['folder/', 'attachment; filename="download"'],
]) {
  test(`${JSON.stringify(key)} is saved well`, () => assert.equal(disposition(key), want))
}
