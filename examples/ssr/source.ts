// Where the parts of the page come from: the shops' systems when the function
// renders, the page itself or the function when the browser does.

import { createContext } from 'react';

/** What the slow parts show. */
export interface Parts {
  delivery: { stock: number; day: string; post: string };
  shops: { name: string; way: string; left: number }[];
  reviews: { stars: number; text: string; author: string }[];
  companions: { name: string; price: number }[];
}

export type Name = keyof Parts;

/** A part, and how long it took to get. */
export interface Arrived<N extends Name> {
  data: Parts[N];
  milliseconds: number;
}

/**
 * Gets each part once. A component asks again and again while it waits, and has
 * to be given the same promise each time.
 */
export class Source {
  #load: (name: Name, attempt: number) => Promise<Arrived<any>>;
  #promises = new Map<Name, Promise<Arrived<any>>>();
  #attempts = new Map<Name, number>();

  constructor(load: (name: Name, attempt: number) => Promise<Arrived<any>>) {
    this.#load = load;
  }

  get<N extends Name>(name: N): Promise<Arrived<N>> {
    let promise = this.#promises.get(name);
    if (!promise) {
      const attempt = (this.#attempts.get(name) ?? 0) + 1;
      this.#attempts.set(name, attempt);
      promise = this.#load(name, attempt);
      this.#promises.set(name, promise);
    }
    return promise;
  }

  /** Makes the next get() try again. */
  forget(name: Name) {
    this.#promises.delete(name);
  }
}

export const SourceContext = createContext<Source | null>(null);

/** The id of the element that carries a part's data to the browser. */
export const dataId = (name: Name) => `data-${name}`;
