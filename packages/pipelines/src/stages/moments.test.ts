/** The stages of moments: what they ask once, what they keep, and what they make of any answer. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FoundMoment, LanguageProvider, LanguageTo } from '@reelfleet/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configDefaults } from '../moments-prompts.ts';
import type { GenerationConfig, MomentRef } from '../moments-shapes.ts';
import { memoryCalls, newDiary, refOf, runStage, type StageWorld, withoutMoments } from '../testing.ts';
import { moments } from './moments.ts';
import { refine } from './refine.ts';
import { score } from './score.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'reelfleet-moments-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const config: GenerationConfig = {
  ...configDefaults('generation'),
  ...{ id: randomUUID(), promptId: randomUUID(), model: 'm', operationType: 'generation' },
  ...{ minMomentLength: 5, maxMomentLength: 20, minMoments: 1, maxMoments: 2 },
};

/** Ten sentences of four seconds with a second between them. */
async function transcript(sentences = 10) {
  const words = Array.from({ length: sentences * 4 }, (_, at) => {
    const start = Math.floor(at / 4) * 5 + (at % 4);
    return { word: at % 4 === 3 ? 'end.' : 'word', start, end: start + 1 };
  });
  const segments = Array.from({ length: sentences }, (_, at) => ({
    text: 'word word word end.',
    start: at * 5,
    end: at * 5 + 4,
  }));
  const path = join(root, `${randomUUID()}.json`);
  const said = { language: 'en', durationSeconds: 50, fullText: 'word', words, segments, service: 'test' };
  await writeFile(path, JSON.stringify(said));
  return refOf(path, 'transcript');
}
const input = async (sentences?: number) => ({
  ...{ transcript: await transcript(sentences), title: 'The Talk', durationSeconds: 50, config },
});

type Asked = { to: LanguageTo };
/** A world whose language provider answers as told, and pays for it. */
function world(answers: Partial<LanguageProvider>): StageWorld & { asked: Asked[]; paid: () => number } {
  const asked: Asked[] = [];
  let paid = 0;
  const once = <R>(kind: string, method: ((request: never, to: LanguageTo) => Promise<R>) | undefined) =>
    method &&
    ((request: never, to: LanguageTo): Promise<R> => {
      asked.push({ to });
      return to.calls.once({ provider: 'test', request: { kind, round: to.round } }, async () => {
        paid += 1;
        return { response: await method(request, to) };
      });
    });
  const language = {
    ...withoutMoments,
    ...{ name: 'test', planAlbum: () => Promise.reject(new Error('no album')) },
    ...(answers.findMoments ? { findMoments: once('find', answers.findMoments) } : {}),
    ...(answers.scoreMoments ? { scoreMoments: once('score', answers.scoreMoments) } : {}),
    ...(answers.refineMoments ? { refineMoments: once('refine', answers.refineMoments) } : {}),
  } as LanguageProvider;
  return {
    ...{ root, tools: {} as never, calls: memoryCalls(), asked, paid: () => paid },
    providers: { language } as never,
  };
}
const finding = (...found: FoundMoment[]) => world({ findMoments: async () => found });

describe('moments', () => {
  test('keeps the bounds of the order, whatever the provider answers, and says what it could not keep', async () => {
    const answered = finding(
      { title: 'all of it', start: -5, end: 500, importance: 1 },
      { title: 'the middle', start: 20.2, end: 27, importance: 9 },
      { title: 'the middle again', start: 21, end: 28, importance: 8 },
    );
    const output = await runStage(moments, await input(), answered);
    expect(output.moments.map(({ title, start, end }) => [title, start, end])).toEqual([
      ['all of it', 0, 19.15],
      ['the middle', 19.85, 29.15],
    ]);
    expect(output.moments.map(({ identifier }) => identifier)).toEqual([
      expect.stringMatching(/^[0-9a-f]{16}$/),
      expect.stringMatching(/^[0-9a-f]{16}$/),
    ]);
    expect(output).toMatchObject({ provider: 'test', model: 'm', configId: config.id });
    expect(output.notes).toEqual(['1 moment had no room beside better ones and was given up']);
  });

  test('answers the same rows when it is tried again, and asks nobody', async () => {
    const answered = finding({ title: 'one', start: 0, end: 9 });
    const order = await input();
    const diary = newDiary();
    const first = await runStage(moments, order, answered, {}, diary);
    const again = await runStage(moments, order, answered, { checkpoint: diary.checkpoints.at(-1)?.data });
    expect(again).toEqual(first);
    expect(answered.asked).toHaveLength(1);
  });

  test('killed between the answer and its checkpoint, it does not pay again', async () => {
    const answered = finding({ title: 'one', start: 0, end: 9 });
    const order = await input();
    const killed = runStage(moments, order, answered, {
      onPause(point) {
        if (point === 'mid-work') throw new Error('killed');
      },
    });
    await expect(killed).rejects.toThrow('killed');
    expect((await runStage(moments, order, answered)).moments).toHaveLength(1);
    expect([answered.asked.length, answered.paid()]).toEqual([2, 1]);
  });

  test('that found nothing fails with a sentence, and asks anew when an operator tries it again', async () => {
    const said: FoundMoment[][] = [[], [{ title: 'one', start: 0, end: 9 }]];
    const answered = world({ findMoments: async () => said.shift() ?? [] });
    const order = await input();
    const diary = newDiary();
    await expect(runStage(moments, order, answered, {}, diary)).rejects.toThrow(
      'test (model m) found no moment in "The Talk" that keeps the bounds of the order: order again with other bounds or another prompt',
    );
    const checkpoint = diary.checkpoints.at(-1)?.data;
    expect((await runStage(moments, order, answered, { checkpoint })).moments).toHaveLength(1);
    expect(answered.asked.map(({ to }) => to.round)).toEqual([0, 1]);
  });

  test('of a video in which nothing is said end at once', async () => {
    const answered = finding();
    await expect(runStage(moments, await input(0), answered)).rejects.toThrow(
      'nothing is said in "The Talk", so it has no moments to find',
    );
    expect(answered.asked).toEqual([]);
  });
});

const root1: MomentRef = { id: randomUUID(), identifier: 'a1', title: 'one', start: 0, end: 14.15 };
const root2: MomentRef = { id: randomUUID(), identifier: 'a2', title: 'two', start: 20, end: 34 };

test('scores belong to their moments, in whole numbers from 0 to 10', async () => {
  const { config: _, ...order } = { ...(await input()), moments: [root1, root2], model: 'm' };
  const output = await runStage(score, order, world({ scoreMoments: async () => [3, 10] }));
  expect(output).toEqual({
    scores: [
      { momentId: root1.id, score: 3 },
      { momentId: root2.id, score: 10 },
    ],
    ...{ provider: 'test', model: 'm' },
  });
  await expect(runStage(score, order, world({ scoreMoments: async () => [3, 11] }))).rejects.toThrow();
});

test('refined moments keep their parents and the bounds; what is best as it is gets no child', async () => {
  const answered = world({ refineMoments: async () => [null, { title: 'Two, better', start: 24.9, end: 60 }] });
  const refinement = { ...config, id: randomUUID(), operationType: 'refinement' };
  const output = await runStage(refine, { ...(await input()), moments: [root1, root2], config: refinement }, answered);
  expect(output.moments).toEqual([
    {
      ...{ id: expect.any(String), identifier: expect.stringMatching(/^[0-9a-f]{16}$/), parentId: root2.id },
      ...{ title: 'Two, better', start: 24.85, end: 44.15 },
    },
  ]);
  expect(output.configId).toBe(refinement.id);
});
