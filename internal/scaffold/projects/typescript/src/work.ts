export interface Progress {
  step: number;
  of: number;
  done: boolean;
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Stands for your slow work; it reports before the first step and after each. */
export async function* work(steps: number): AsyncGenerator<Progress> {
  for (let step = 0; step <= steps; step++) {
    if (step > 0) {
      await pause(400);
    }
    yield { step, of: steps, done: step === steps };
  }
}
