// From a path to a key, and from a key to a name for the file.

import { Refusal } from './refusal.mjs'

const longestKey = 1024 // bytes, as S3 has it

/**
 * The key in the path below /objects/: percent-encoded once, slashes encoded or
 * not. Throws a Refusal.
 */
export function keyOf(path) {
  let key
  try {
    key = decodeURIComponent(path)
  } catch {
    throw new Refusal(400, 'The address is not valid: its percent-encoding is broken.')
  }
  if (!isPlain(key)) throw new Refusal(400, 'The address is not the key of an object.')
  return key
}

/**
 * Tells whether a key means the same to every store. To S3 the segment .. is a
 * name like any other; a store over folders, or a proxy before one, may step out
 * of the prefix with it.
 */
export function isPlain(key) {
  return key !== '' && Buffer.byteLength(key) <= longestKey && !/[\0-\x1f\x7f]/.test(key) &&
    !key.split(/[/\\]/).some(segment => segment === '.' || segment === '..')
}

/** A Content-Disposition that saves the object under the last part of its key. */
export function disposition(key) {
  // Bidirectional controls make the end of a name look like its middle.
  const name = key.slice(key.lastIndexOf('/') + 1).replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '').replace(/[\\:]/g, '_') || 'download'
  const ascii = name.replace(/[^ -~]/gu, '_').replace(/["%]/g, '_')
  const plain = `attachment; filename="${ascii}"`
  if (ascii === name) return plain
  return `${plain}; filename*=UTF-8''${encodeURIComponent(name).replace(/['()*]/g, c => '%' + c.charCodeAt(0).toString(16).toUpperCase())}`
}
