// A handful of devices, each with an MQTT connection of its own:
// node devices.mjs [--broker mqtt://127.0.0.1:1883] [--every 1000]
//
// They know nothing of Lambda, and anything else that speaks MQTT could be in
// their place. One of them drops out from time to time and comes back.

import mqtt from 'mqtt'
import { parseArgs } from 'node:util'

const { values: { broker, every } } = parseArgs({
  options: {
    broker: { type: 'string', default: 'mqtt://127.0.0.1:1883' },
    every: { type: 'string', default: '1000' }, // milliseconds between two readings of a device
  },
})
const pause = Number(every)
if (!(pause >= 10)) {
  console.error(`--every ${every}: it has to be a number of milliseconds, 10 or more`)
  process.exit(2)
}

// Each temperature is a curve over the number of readings, with some noise on it.
const wave = (n, length) => Math.sin(2 * Math.PI * n / length)
const noise = (size) => (Math.random() - 0.5) * size
const devices = {
  // Heats until it is hot enough, then waits until it isn't.
  boiler: (n) => 40 + (n % 40 < 14 ? n % 40 : 14 - (n % 40 - 14) * 14 / 26) + noise(0.5),
  cellar: (n) => 12.5 + 0.4 * wave(n, 300) + noise(0.1),
  // The compressor.
  fridge: (n) => 5 + 2.2 * wave(n, 24) + noise(0.2),
  greenhouse: (n) => 27 + 5 * wave(n, 90) + noise(0.6),
  // Wind.
  roof: (n) => 17 + 3 * wave(n, 70) + 1.5 * wave(n, 11) + noise(1),
}
// Away for `away` readings out of every `round`.
const unsteady = { device: 'roof', round: 50, away: 12 }

const connections = Object.entries(devices).map(([id, temperature]) => start(id, temperature))
console.log(`${connections.length} devices publish to ${broker}, every ${pause} ms; Ctrl-C ends them`)

function start(id, temperature) {
  const client = mqtt.connect(broker, { clientId: id, clean: true, reconnectPeriod: 1000, connectTimeout: 5000 })
  let said = ''
  client.on('error', (error) => {
    // Once for each trouble; the client tries again by itself.
    const trouble = error.code ?? error.message
    if (trouble === said) return
    said = trouble
    console.error(`${id}: the broker at ${broker} does not answer (${trouble}). Start it with: nats-server -c broker.conf`)
  })
  client.on('connect', () => {
    said = ''
    console.log(`${id}: connected`)
  })

  let n = Math.floor(Math.random() * 20)
  const measure = setInterval(() => {
    n++
    if (id === unsteady.device) {
      const turn = n % unsteady.round
      if (turn === unsteady.round - unsteady.away) {
        console.log(`${id}: drops out`)
        client.end(true)
      }
      if (turn === 0) client.reconnect()
      if (turn >= unsteady.round - unsteady.away) return
    }
    // What nobody can receive now isn't measured. Sent later it would be an old
    // temperature with a new time, because the time is the broker's.
    if (!client.connected) return
    // Quality of service 1: the broker acknowledges, or the client sends again.
    client.publish(`devices/${id}/readings`, JSON.stringify({ temperature: temperature(n) }), { qos: 1 })
  }, pause)
  return { measure, client }
}

process.once('SIGINT', stop)
process.once('SIGTERM', stop)
async function stop() {
  for (const { measure } of connections) clearInterval(measure)
  await Promise.allSettled(connections.map(({ client }) => client.endAsync(true)))
}
