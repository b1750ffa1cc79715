// What a reader typed, kept in this tab so that a reload does not cost it.

export function recall(key) {
  try {
    return JSON.parse(sessionStorage.getItem(`sluice-${key}`))
  } catch {
    return null
  }
}

export function remember(key, value) {
  try {
    sessionStorage.setItem(`sluice-${key}`, JSON.stringify(value))
  } catch {
    // Full, or not allowed.
  }
}
