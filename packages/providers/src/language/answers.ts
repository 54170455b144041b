/**
 * What a language model may answer, as a JSON schema for the request and as a check of what came. Pure. The schema is what
 * `strict` allows everywhere (types, no bounds); the check is the whole of it, and says what is wrong so that the model can
 * set it right.
 */
import type { AlbumPromptPair, FoundMoment, Stretch } from '@reelfleet/core';
import { z } from 'zod';

/** One kind of answer. `read` answers what it means, or throws a {@link Wrong}. */
export interface AnswerKind<T> {
  name: string;
  schema: Record<string, unknown>;
  read(answer: unknown): T;
}

/** Why an answer cannot be used; its message goes to the model and, at the end, to people. */
export class Wrong extends Error {
  override name = 'Wrong';
}

function kindOf<S, T>(name: string, shape: z.ZodType<S>, mean: (answer: S) => T): AnswerKind<T> {
  const { $schema: _, ...schema } = z.toJSONSchema(shape) as Record<string, unknown>;
  return {
    name,
    schema,
    read(answer) {
      const parsed = shape.safeParse(answer);
      if (parsed.success) return mean(parsed.data);
      const [first] = parsed.error.issues;
      throw new Wrong(`${first?.path.join('.') || 'the answer'}: ${first?.message ?? 'is not as the schema says'}`);
    },
  };
}

const stretch = { start: z.number(), end: z.number(), title: z.string() };

/** Times of speech and of models are rough. */
const SLACK_SECONDS = 2;

function checkStretch({ start, end, title }: Stretch, which: string, lastSecond: number): void {
  if (!(end > start)) throw new Wrong(`${which} ends at ${end}, which is not after its start at ${start}`);
  if (start < 0 || end > lastSecond + SLACK_SECONDS)
    throw new Wrong(`${which} goes from ${start} to ${end} seconds, but the transcript ends at ${lastSecond}`);
  if (title.trim() === '') throw new Wrong(`${which} has no title`);
}

const moments = z.strictObject({ moments: z.array(z.strictObject({ ...stretch, importance: z.number() })) });

export const foundMoments = (lastSecond: number): AnswerKind<FoundMoment[]> =>
  kindOf('moments', moments, (answer) =>
    answer.moments.map((moment, at) => {
      checkStretch(moment, `moment ${at + 1}`, lastSecond);
      return { ...moment, importance: Math.min(10, Math.max(0, moment.importance)) };
    }),
  );

const scores = z.strictObject({ scores: z.array(z.strictObject({ moment: z.number(), score: z.number() })) });

/** Scores for the moments of these numbers, in their order. */
export const scoresOf = (numbers: readonly number[]): AnswerKind<number[]> =>
  kindOf('scores', scores, (answer) => {
    const given = byNumber(answer.scores, numbers);
    return numbers.map((number) => {
      const score = given.get(number)?.score;
      if (score === undefined) throw new Wrong(`moment ${number} has no score`);
      if (score < 0 || score > 10) throw new Wrong(`moment ${number} has score ${score}, which is not from 0 to 10`);
      return Math.round(score);
    });
  });

const refinements = z.strictObject({ moments: z.array(z.strictObject({ moment: z.number(), ...stretch })) });

/** Better stretches for the moments of these numbers, in their order; null for those that are left out. */
export const refinementsOf = (numbers: readonly number[], lastSecond: number): AnswerKind<(Stretch | null)[]> =>
  kindOf('refinements', refinements, (answer) => {
    const given = byNumber(answer.moments, numbers);
    return numbers.map((number) => {
      const refined = given.get(number);
      if (!refined) return null;
      checkStretch(refined, `moment ${number}`, lastSecond);
      return { title: refined.title, start: refined.start, end: refined.end };
    });
  });

function byNumber<T extends { moment: number }>(given: readonly T[], numbers: readonly number[]): Map<number, T> {
  const found = new Map<number, T>();
  for (const one of given) {
    if (!numbers.includes(one.moment))
      throw new Wrong(`there is no moment ${one.moment}: they are ${numbers.join(', ')}`);
    if (found.has(one.moment)) throw new Wrong(`moment ${one.moment} is there twice`);
    found.set(one.moment, one);
  }
  return found;
}

const album = z.strictObject({
  title: z.string(),
  description: z.string(),
  pairs: z.array(
    z.strictObject({
      title: z.string(),
      musicPrompt: z.string(),
      visualPrompt: z.string(),
      durationMinutes: z.number(),
    }),
  ),
});

export const albumOf = (tracks: number): AnswerKind<{ title: string; description: string; pairs: AlbumPromptPair[] }> =>
  kindOf('album', album, (answer) => {
    const { pairs } = answer;
    if (answer.title.trim() === '') throw new Wrong('the album has no title');
    if (pairs.length !== tracks) throw new Wrong(`there are ${pairs.length} pairs, not ${tracks}`);
    for (const part of ['title', 'musicPrompt', 'visualPrompt'] as const) {
      const texts = pairs.map((pair) => pair[part].trim().toLowerCase());
      const empty = texts.indexOf('');
      if (empty >= 0) throw new Wrong(`pair ${empty + 1} has no ${part}`);
      const again = texts.findIndex((text, at) => texts.indexOf(text) !== at);
      if (again >= 0) throw new Wrong(`the ${part} of pair ${again + 1} is that of another pair`);
    }
    return answer;
  });
