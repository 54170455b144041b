import { expect, it } from 'vitest';
import { sharedAnswer } from './shared-answer.ts';

/** A question that is counted, whose answers are given by hand, on a clock of its own. */
function counted(freshMs = 1_000) {
  let now = 0;
  let asked = 0;
  let give: { resolve(value: number): void; reject(error: Error): void } = { resolve() {}, reject() {} };
  const answer = sharedAnswer(
    () => {
      asked += 1;
      return new Promise<number>((resolve, reject) => {
        give = { resolve, reject };
      });
    },
    freshMs,
    () => now,
  );
  return {
    answer,
    get asked() {
      return asked;
    },
    give: (value: number) => give.resolve(value),
    refuse: (error: Error) => give.reject(error),
    pass: (ms: number) => {
      now += ms;
    },
  };
}

it('asks once for all who ask at the same time, and again when the answer is no longer fresh', async () => {
  const question = counted();
  const both = Promise.all([question.answer(), question.answer()]);
  question.give(1);
  expect(await both).toEqual([1, 1]);
  question.pass(999);
  expect(await question.answer()).toBe(1);
  question.pass(2);
  const next = question.answer();
  question.give(2);
  expect(await next).toBe(2);
  expect(question.asked).toBe(2);
});

it('keeps an answer that took long ten times as long as it took', async () => {
  const question = counted();
  const slow = question.answer();
  question.pass(500);
  question.give(1);
  await slow;
  question.pass(4_900);
  expect(await question.answer()).toBe(1);
  question.pass(200);
  void question.answer();
  expect(question.asked).toBe(2);
});

it('asks again soon after a question that failed, however long it took to fail', async () => {
  const question = counted();
  const failed = question.answer();
  question.pass(2_000);
  question.refuse(new Error('away'));
  await expect(failed).rejects.toThrow('away');
  question.pass(1_001);
  const next = question.answer();
  question.give(3);
  expect(await next).toBe(3);
});

it('asks anew after a write, and an older answer on its way does not come back as the fresh one', async () => {
  const question = counted();
  const before = question.answer();
  const giveBefore = question.give;
  question.answer.forget();
  giveBefore(1);
  await before;
  const after = question.answer();
  expect(question.asked).toBe(2);
  question.give(2);
  expect(await after).toBe(2);
});
