// Checks bytes against a Repr-Digest (RFC 9530) with S3's algorithms. CRCs are
// computed while the bytes arrive; for the others the browser has a function that
// wants all of them at once.

const algorithms = {
  'sha-256': { name: 'SHA-256', make: whole },
  sha: { name: 'SHA-1', make: whole },
  crc32: { name: 'CRC-32', make: () => crc32(0xedb88320) },
  crc32c: { name: 'CRC-32C', make: () => crc32(0x82f63b78) },
  crc64nvme: { name: 'CRC-64/NVME', make: () => crc64(0x9a6c9329, 0xac4bc9b5) },
}

/**
 * @param {string | null} header such as crc32=:y/Q5Jg==:
 * @returns {{name: string, update(bytes: Uint8Array): void, matches(blob: Blob): Promise<boolean>} | null}
 *   null if the header has no checksum that we know
 */
export function checksumFor(header) {
  for (const member of (header ?? '').split(',')) {
    const [, key, expected] = /^\s*([a-z0-9-]+)=:([A-Za-z0-9+/=]+):\s*$/.exec(member) ?? []
    if (!Object.hasOwn(algorithms, key ?? '')) continue
    const { name, make } = algorithms[key]
    const { update, digest } = make(name)
    return { name, update, matches: async blob => base64(await digest(blob)) === expected }
  }
  return null
}

function whole(name) {
  return {
    update() {},
    digest: async blob => new Uint8Array(await crypto.subtle.digest(name, await blob.arrayBuffer())),
  }
}

// Both are reflected CRCs that begin with all ones and end inverted, a byte a step.

function crc32(polynomial) {
  const table = new Uint32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let c = byte
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? c >>> 1 ^ polynomial : c >>> 1
    table[byte] = c
  }
  let crc = -1
  return {
    update(bytes) {
      let c = crc
      for (let i = 0; i < bytes.length; i++) c = table[(c ^ bytes[i]) & 255] ^ c >>> 8
      crc = c
    },
    digest: () => bigEndian([~crc]),
  }
}

// In two halves: JavaScript's fast integers have 32 bits.
function crc64(polynomialHigh, polynomialLow) {
  const highs = new Uint32Array(256), lows = new Uint32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let high = 0, low = byte
    for (let bit = 0; bit < 8; bit++) {
      const odd = low & 1
      low = low >>> 1 | high << 31
      high >>>= 1
      if (odd) {
        high ^= polynomialHigh
        low ^= polynomialLow
      }
    }
    highs[byte] = high
    lows[byte] = low
  }
  let high = -1, low = -1
  return {
    update(bytes) {
      let h = high, l = low
      for (let i = 0; i < bytes.length; i++) {
        const at = (l ^ bytes[i]) & 255
        l = lows[at] ^ (l >>> 8 | h << 24)
        h = highs[at] ^ h >>> 8
      }
      high = h
      low = l
    },
    digest: () => bigEndian([~high, ~low]),
  }
}

function bigEndian(words) {
  const view = new DataView(new ArrayBuffer(4 * words.length))
  words.forEach((word, i) => view.setInt32(4 * i, word))
  return new Uint8Array(view.buffer)
}

const base64 = bytes => btoa(String.fromCharCode(...bytes))
