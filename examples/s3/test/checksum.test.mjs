import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'

import { checksumFor } from '../checksum.mjs'

const base64 = hex => Buffer.from(hex, 'hex').toString('base64')
const digits = Buffer.from('123456789')

// The check values of the catalogues.
for (const [key, name, hex] of [
  ['crc32', 'CRC-32', 'cbf43926'],
  ['crc32c', 'CRC-32C', 'e3069283'],
  ['crc64nvme', 'CRC-64/NVME', 'ae8b14860a799888'],
  ['sha', 'SHA-1', createHash('sha1').update(digits).digest('hex')],
  ['sha-256', 'SHA-256', createHash('sha256').update(digits).digest('hex')],
]) {
  test(`${name}, wherever the bytes are split`, async () => {
    for (let split = 0; split <= digits.length; split++) {
      const checksum = checksumFor(`${key}=:${base64(hex)}:`)
      assert.equal(checksum.name, name)
      checksum.update(digits.subarray(0, split))
      checksum.update(digits.subarray(split))
      assert.ok(await checksum.matches(new Blob([digits])))
    }
  })
  test(`${name} of other bytes`, async () => {
    const checksum = checksumFor(`${key}=:${base64(hex)}:`)
    checksum.update(Buffer.from('123456780'))
    assert.ok(!await checksum.matches(new Blob(['123456780'])))
  })
}

test('CRC-32 of a megabyte is the one of zlib', async () => {
  const bytes = Buffer.alloc(1 << 20, 'sluice')
  const expected = Buffer.alloc(4)
  expected.writeUInt32BE(crc32(bytes))
  const checksum = checksumFor(`crc32=:${expected.toString('base64')}:`)
  checksum.update(bytes)
  assert.ok(await checksum.matches(new Blob()))
})

test('the first algorithm that is known is taken', () => {
  assert.equal(checksumFor('md5=:AA==:, crc32c=:AAAAAA==:, sha-256=:AA==:').name, 'CRC-32C')
  for (const header of [null, '', 'md5=:AA==:', 'crc32=AA==', 'toString=:AA==:', '=:AA==:']) assert.equal(checksumFor(header), null)
})
