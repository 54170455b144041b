/**
 * `plan`: from a niche and its moods to the prompts of an album, one distinct pair of music and picture per track. The language
 * provider writes them; this stage holds it to the order: as many as asked, all different, and as long together as was ordered.
 */
import { defineStage, MINUTE, RetryableError, SECOND } from '@reelfleet/core';
import { z } from 'zod';

/** Seed 002's `video_jobs.prompts_json`. */
export const promptsJson = z.object({
  music_prompts: z.array(z.object({ order_index: z.number().int(), prompt: z.string(), duration_minutes: z.number() })),
  visual_prompts: z.array(z.object({ order_index: z.number().int(), prompt: z.string() })),
});

export const planInput = z.object({
  niche: z.string().min(1),
  moods: z.array(z.string().min(1)).min(1),
  tracks: z.number().int().min(1).max(20),
  /** Length of the whole album. */
  totalSeconds: z.number().positive(),
  /** The album's title, or the provider's idea of one. */
  title: z.string().optional(),
  seed: z.number().int().nonnegative(),
});

export const plannedPair = z.object({
  orderIndex: z.number().int(),
  title: z.string(),
  musicPrompt: z.string(),
  visualPrompt: z.string(),
  /** Target length of the track. */
  seconds: z.number().positive(),
});

export const planOutput = z.object({
  title: z.string(),
  description: z.string(),
  pairs: z.array(plannedPair),
  prompts: promptsJson,
});
export type PlanOutput = z.infer<typeof planOutput>;

export const plan = defineStage({
  name: 'plan',
  description: 'Write the music and picture prompts of an album',
  input: planInput,
  output: planOutput,
  policy: { stalledAfterMs: 3 * MINUTE, backoffMs: 2 * SECOND },
  async run({ input, providers, calls, progress, pausePoint, signal }): Promise<PlanOutput> {
    const { niche, moods, tracks, totalSeconds, seed } = input;
    progress(0.1, 'writing prompts');
    const order = { niche, moods, tracks, totalMinutes: totalSeconds / 60, seed };
    const album = await providers.language.planAlbum(order, { calls, signal });
    signal.throwIfAborted();
    await pausePoint('mid-work');

    const where = `language provider ${providers.language.name}, asked for ${tracks} pairs for "${niche}"`;
    if (album.pairs.length !== tracks) {
      throw new RetryableError(`${where}, answered ${album.pairs.length}`, { code: 'bad-plan' });
    }
    const repeated =
      firstRepeated(album.pairs.map((pair) => pair.musicPrompt)) ??
      firstRepeated(album.pairs.map((pair) => pair.visualPrompt));
    if (repeated) throw new RetryableError(`${where}, gave the same prompt twice: "${repeated}"`, { code: 'bad-plan' });
    if (album.pairs.some((pair) => !pair.title.trim() || !pair.musicPrompt.trim() || !pair.visualPrompt.trim())) {
      throw new RetryableError(`${where}, left a title or prompt empty`, { code: 'bad-plan' });
    }

    const lengths = spread(
      album.pairs.map((pair) => pair.durationMinutes),
      totalSeconds,
    );
    const pairs = album.pairs.map(({ title, musicPrompt, visualPrompt }, index) => ({
      orderIndex: index + 1,
      title: title.trim().slice(0, 120),
      musicPrompt,
      visualPrompt,
      seconds: lengths[index] as number,
    }));
    progress(1, 'planned');
    return {
      title: input.title ?? album.title,
      description: album.description,
      pairs,
      prompts: {
        music_prompts: pairs.map((pair) => ({
          order_index: pair.orderIndex,
          prompt: pair.musicPrompt,
          duration_minutes: Math.round((pair.seconds / 60) * 1_000) / 1_000,
        })),
        visual_prompts: pairs.map((pair) => ({ order_index: pair.orderIndex, prompt: pair.visualPrompt })),
      },
    };
  },
});

/** The provider's lengths in proportion, so that together they make exactly the ordered one; alike where it gave none. */
export function spread(minutes: readonly number[], totalSeconds: number): number[] {
  const weights = minutes.every((value) => Number.isFinite(value) && value > 0) ? minutes : minutes.map(() => 1);
  const sum = weights.reduce((total, value) => total + value, 0);
  return weights.map((value) => Math.round((totalSeconds * value * 1_000) / sum) / 1_000);
}

function firstRepeated(texts: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return texts.find((text) => {
    const plain = text.trim().toLowerCase();
    if (seen.has(plain)) return true;
    seen.add(plain);
    return false;
  });
}
