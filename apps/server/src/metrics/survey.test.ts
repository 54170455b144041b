import { createLogger } from '@reelfleet/config';
import { expect, test } from 'vitest';
import { openSurvey } from './survey.ts';

const log = createLogger({ level: 'silent', name: 'test' });

/** A survey whose counts end when the test says so, on a clock of its own. */
function rehearse(restMs = 1_000) {
  let now = 0;
  const counts: { end(value: number): void; fail(): void }[] = [];
  const survey = openSurvey<number>({
    name: 'test',
    restMs,
    log,
    now: () => now,
    count: () =>
      new Promise((resolve, reject) => {
        counts.push({ end: resolve, fail: () => reject(new Error('too slow')) });
      }),
  });
  return {
    survey,
    counts,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

test('the first reader waits for the first count; later ones take the last, with its age', async () => {
  const { survey, counts, pass } = rehearse();
  const first = survey.read();
  pass(400);
  counts[0]?.end(7);
  expect(await first).toEqual({ value: 7, ageSeconds: 0.4, durationSeconds: 0.4 });
  pass(600);
  expect(await survey.read()).toEqual({ value: 7, ageSeconds: 1, durationSeconds: 0.4 });
  expect(counts).toHaveLength(1);
});

test('it has a twentieth of the time at most: after 2 s of counting comes a rest of 38', async () => {
  const { survey, counts, pass } = rehearse();
  const first = survey.read();
  pass(2_000);
  counts[0]?.end(1);
  await first;
  pass(37_900);
  await survey.read();
  expect(counts).toHaveLength(1);
  pass(200);
  const second = survey.read();
  expect(counts).toHaveLength(2);
  counts[1]?.end(2);
  expect((await second)?.value).toBe(2);
});

test('a count that takes long holds no reader up, and is never made twice at once', async () => {
  const { survey, counts, pass } = rehearse();
  const first = survey.read();
  counts[0]?.end(1);
  await first;
  pass(5_000);
  const answers = await Promise.all([survey.read(), survey.read()]);
  expect(answers.map((answer) => answer?.value)).toEqual([1, 1]);
  expect(counts).toHaveLength(2);
});

test('one that fails leaves the last value, and rests all the same', async () => {
  const { survey, counts, pass } = rehearse();
  const first = survey.read();
  pass(1_000);
  counts[0]?.fail();
  expect(await first).toBeNull();
  pass(18_000);
  expect(await survey.read()).toBeNull();
  expect(counts).toHaveLength(1);
  pass(2_000);
  const second = survey.read();
  counts[1]?.end(3);
  expect((await second)?.value).toBe(3);
});
