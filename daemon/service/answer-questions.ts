// The inner side of a QuestionThread: answers each question, and one that fails with its reason in a line.
import { parentPort } from 'node:worker_threads';
import { InputError } from '../formats/input-error.js';
import type { Numbered, ThreadAnswer } from './question-thread.js';

/** `buffersOf`: the arrays of an answer that are handed over, not copied. To be called once, in the thread's module. */
export function answerQuestions<Q, A>(answer: (question: Q) => A, buffersOf: (value: A) => ArrayBufferLike[] = () => []): void {
  parentPort?.on('message', ({ number, question }: Numbered<Q>) => {
    try {
      const value = answer(question);
      // Two arrays may lie in one buffer, which goes over once.
      const buffers = new Set(buffersOf(value) as ArrayBuffer[]);
      parentPort?.postMessage({ number, value } satisfies ThreadAnswer<A>, [...buffers]);
    } catch (error) {
      const line = (error as Error).message.split('\n')[0];
      parentPort?.postMessage({ number, error: line, isInput: error instanceof InputError } satisfies ThreadAnswer<A>);
    }
  });
}
