// Numbers as people read them.

const units = ['bytes', 'kB', 'MB', 'GB']

// bytes uses powers of 1024, as Lambda's limits do.
export function bytes(n) {
  if (n === undefined || n === null) return '–'
  let unit = 0
  let value = n
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  if (unit === 0) return n === 1 ? '1 byte' : `${n} bytes`
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${units[unit]}`
}

export function ms(n) {
  if (n === undefined || n === null) return '–'
  if (n < 10) return `${n.toFixed(n % 1 === 0 ? 0 : 1)} ms`
  if (n < 1000) return `${Math.round(n)} ms`
  if (n < 60_000) return `${(n / 1000).toFixed(2)} s`
  return `${Math.floor(n / 60_000)} min ${Math.round((n % 60_000) / 1000)} s`
}

// age is how long ago something was, to the second.
export function age(n) {
  const s = Math.max(0, Math.round(n / 1000))
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min`
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
}

// dollars of single invocations are tiny; they have as many digits as each other.
export function dollars(n) {
  if (n === undefined || n === null) return '–'
  if (n === 0) return '$0'
  return n < 0.01 ? `$${n.toFixed(8)}` : `$${n.toFixed(2)}`
}

export function count(n) {
  return n === undefined || n === null ? '–' : n.toLocaleString('en-US')
}

// moment is a date and a time where the reader is.
export function moment(text) {
  const time = new Date(text)
  if (Number.isNaN(time.getTime())) return '–'
  const two = (n) => String(n).padStart(2, '0')
  const day = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join('-')
  return `${day} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':')}`
}

// exact is the time of the day to the millisecond.
export const exact = (text) => `${moment(text).slice(11)}.${String(new Date(text).getMilliseconds()).padStart(3, '0')}`

// clock is the time of the day, with the date if that is not today's.
export function clock(text, now = new Date()) {
  const whole = moment(text)
  return whole.slice(0, 10) === moment(now).slice(0, 10) ? whole.slice(11) : whole
}
