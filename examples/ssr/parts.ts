// The systems behind the page, which are slow and not always there. Yours
// replace them.

import { setTimeout as sleep } from 'node:timers/promises';

import type { Arrived, Name, Parts } from './source';

const parts: Parts = {
  delivery: { stock: 14, day: 'Thursday', post: 'free' },
  shops: [
    { name: 'Harbour Street', way: '0.4 km', left: 3 },
    { name: 'Old Mill', way: '2.1 km', left: 1 },
    { name: 'Station Arcade', way: '3.8 km', left: 6 },
  ],
  reviews: [
    { stars: 5, text: 'Bright where I work, dark where I don’t.', author: 'Ines' },
    { stars: 4, text: 'The arm stays where it is put.', author: 'Tomasz' },
    { stars: 5, text: 'My third. One for every desk.', author: 'Ruth' },
  ],
  companions: [
    { name: 'Clamp for thick tables', price: 900 },
    { name: 'Warm bulb, 6 W', price: 700 },
    { name: 'Linen shade', price: 1800 },
  ],
};

// How many pauses each takes: in another order than they stand on the page.
const pauses: Record<Name, number> = { companions: 1, delivery: 2, shops: 3, reviews: 6 };

/** What a query can ask for, so that the page can be watched and tested. */
export interface Wishes {
  /** Milliseconds. */
  pause: number;
  /** How often the shops fail before they answer. */
  trouble: number;
  /** The page in one piece, as bots get it. */
  whole: boolean;
}

export function wishes(query: URLSearchParams): Wishes {
  return {
    pause: within(query.get('pause'), 5000, 600),
    trouble: within(query.get('trouble'), 9, 1),
    whole: query.has('whole'),
  };
}

export const isPart = (name: string): name is Name => Object.hasOwn(parts, name);

/** Gets a part. It is the `attempt`th time that this reader's page asks for it. */
export async function load<N extends Name>(name: N, attempt: number, { pause, trouble }: Wishes, signal: AbortSignal): Promise<Arrived<N>> {
  const began = Date.now();
  // Who asks again is answered sooner.
  await sleep(pause * (attempt > 1 ? 1 : pauses[name]), undefined, { signal });
  if (name === 'shops' && attempt <= trouble) throw new Error('the shops hung up');
  return { data: parts[name], milliseconds: Date.now() - began };
}

// within reads a whole number from 0 to most, or gives the fallback.
function within(text: string | null, most: number, fallback: number): number {
  const value = Number(text);
  return text && Number.isInteger(value) && value >= 0 && value <= most ? value : fallback;
}
