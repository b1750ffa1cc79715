// Axes: where their ticks are and what is written beside them.

export const MB = 1 << 20

// step is the distance of about `ticks` ticks up to max: 1, 2 or 5 times a power
// of ten.
export function step(max, ticks) {
  const rough = max / ticks
  const power = 10 ** Math.floor(Math.log10(rough))
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough * 0.9999999)
}

// byteStep is step in powers of 1024, and at least one byte.
export function byteStep(max, ticks) {
  let unit = 1
  while (max / unit >= 1024 && unit < 1024 * MB) unit *= 1024
  return Math.max(1, step(max / unit, ticks) * unit)
}

// ticks are the multiples of a step up to max.
export function ticks(max, step) {
  const all = []
  for (let i = 0; i * step <= max * 1.0001; i++) all.push(i * step)
  return all
}

const minute = 60_000
const rounds = [10_000, 30_000, minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute, 60 * minute, 120 * minute, 240 * minute, 480 * minute, 1440 * minute]

// clockStep is the round time between labels that are to be at least so far apart;
// it is a multiple of `width`.
export const clockStep = (least, width) => rounds.find((n) => n >= least && n % width === 0) ?? Math.ceil(least / width) * width

// timeLabel writes milliseconds in the unit that fits the axis's end.
export const timeLabel = (t, max) => (t === 0 ? '0' : max < 1000 ? `${round(t)} ms` : max < 120_000 ? `${round(t / 1000)} s` : `${round(t / 60_000)} min`)

// sizeLabel is the same for bytes.
export function sizeLabel(b, max) {
  if (b === 0) return '0'
  for (const [unit, name] of [[1024 * MB, 'GB'], [MB, 'MB'], [1024, 'kB']]) if (max >= unit) return `${round(b / unit)} ${name}`
  return `${b} B`
}

// dollarLabel is the same for dollars, which may be very few.
export const dollarLabel = (n, max) => (n === 0 ? '0' : max < 0.01 ? `${round(n * 1e6)} µ$` : `$${round(n)}`)

const round = (n) => Number(n.toPrecision(3))
