// What a device may say. Devices are not trusted: what isn't a reading is told
// apart here, so that one bad device breaks nobody's chart.

const coldest = -273.15
const hottest = 5000

/**
 * Reads a device's message.
 * @param {Uint8Array} data
 * @returns {{temperature: number} | {why: string}} why is set for what isn't a reading
 */
export function readReading(data) {
  let message
  try {
    message = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data))
  } catch {
    return { why: 'it is not JSON' }
  }
  if (message === null || typeof message !== 'object' || Array.isArray(message)) return { why: 'it is not an object' }
  const { temperature } = message
  if (typeof temperature !== 'number') return { why: 'it has no number "temperature"' }
  if (temperature < coldest || temperature > hottest) return { why: `a temperature is between ${coldest} and ${hottest} °C` }
  // Other members are left out, so that a device can't make events large.
  return { temperature: Math.round(temperature * 100) / 100 }
}
