// A thread of the daemon that answers questions one by one: starts with the first, comes back after a crash, and rejects with one line.
import { Worker } from 'node:worker_threads';

export interface Numbered<Q> {
  number: number;
  question: Q;
}
export type ThreadAnswer<A> = { number: number; value: A } | { number: number; error: string; isInput: boolean };

/** A question that the thread could not answer because of what was asked, not because it failed. */
export class ThreadInputError extends Error {
  override readonly name = 'ThreadInputError';
}

export class QuestionThread<Q, A> {
  private worker: Worker | null = null;
  private readonly waiting = new Map<number, { resolve: (value: A) => void; reject: (error: Error) => void }>();
  private next = 1;

  /** `module`: what runs in the thread; it calls answerQuestions. `doing` names the work in errors. */
  constructor(
    private readonly module: URL,
    private readonly doing: string,
  ) {}

  /** Rejects with ThreadInputError where the question was wrong. */
  ask(question: Q): Promise<A> {
    return new Promise((resolve, reject) => {
      const number = this.next++;
      this.waiting.set(number, { resolve, reject });
      this.worker ??= this.start();
      this.worker.postMessage({ number, question } satisfies Numbered<Q>);
    });
  }

  async close(): Promise<void> {
    await this.worker?.terminate();
  }

  private start(): Worker {
    const worker = new Worker(this.module);
    worker.on('message', (answer: ThreadAnswer<A>) => {
      const waiting = this.waiting.get(answer.number);
      this.waiting.delete(answer.number);
      if (!('error' in answer)) waiting?.resolve(answer.value);
      else waiting?.reject(answer.isInput ? new ThreadInputError(answer.error) : new Error(answer.error));
    });
    // Out of memory in the thread, or `close`: whoever waits is told, and the next question starts a new thread.
    const end = (reason: string) => {
      if (this.worker === worker) this.worker = null;
      for (const { reject } of this.waiting.values()) reject(new Error(reason));
      this.waiting.clear();
    };
    worker.on('error', error => end(`${this.doing} failed: ${error.message}`));
    worker.on('exit', () => end(`${this.doing} was broken off`));
    return worker;
  }
}
