/**
 * What is asked of a language provider about a video: where its moments are, how good, and where better to begin and end. A
 * provider answers as it can; the bounds of a moment are kept by whoever asks.
 */
import type { AlbumPromptPair, PaidCalls, Spoken } from './ports.ts';

/** How moments are asked for, as `prompts` and `generation_configs` keep it. Null: left to the provider, or a bound that is open. */
export interface Generation {
  systemPrompt: string;
  userPrompt: string;
  model: string;
  temperature: number | null;
  topP: number | null;
  topK: number | null;
  /** Seconds. */
  minMomentLength: number | null;
  maxMomentLength: number | null;
  minMoments: number | null;
  maxMoments: number | null;
}

/** A config that is wanted. `transcriptId` is that of the video it is first wanted for, if there is one. */
export interface ConfigWish extends Generation {
  operationType: 'generation' | 'refinement';
  transcriptId?: string | null;
}

/** The rows of this content, as runs carry them: the id is the config's. */
export type EnsuredConfig = Omit<ConfigWish, 'transcriptId'> & { id: string; promptId: string };

/** A stretch of a video; seconds from its beginning. */
export interface Stretch {
  title: string;
  start: number;
  end: number;
}

/** A stretch that was found, and how much it deserves to be shown (0..10) where its provider says so. */
export interface FoundMoment extends Stretch {
  importance?: number;
}

export interface LanguageTo {
  calls: PaidCalls;
  signal?: AbortSignal;
  report?: (fraction: number) => void;
  /** Raised when an operator orders what failed anew: an answer that could not be used is then not the kept one again. */
  round?: number;
}

/** What reads and writes text. Throws PermanentError where asking again cannot help. */
export interface LanguageProvider {
  readonly name: string;
  /** What it asks where an order names no model. */
  readonly model: string;
  /** Turn a niche and its moods into the prompts of an album. */
  planAlbum(
    request: { niche: string; moods: readonly string[]; tracks: number; totalMinutes: number; seed: number },
    to: LanguageTo,
  ): Promise<{ title: string; description: string; pairs: AlbumPromptPair[] }>;
  /** Find the moments of a video in what is said in it. */
  findMoments(request: { spoken: Spoken; generation: Generation }, to: LanguageTo): Promise<FoundMoment[]>;
  /** How much each moment deserves to be shown: whole numbers from 0 to 10, in the order of the moments. */
  scoreMoments(
    request: { spoken: Spoken; moments: readonly Stretch[]; model: string },
    to: LanguageTo,
  ): Promise<number[]>;
  /** Where each moment had better begin and end, and its title; null: it is best as it is. In the order of the moments. */
  refineMoments(
    request: { spoken: Spoken; moments: readonly Stretch[]; generation: Generation },
    to: LanguageTo,
  ): Promise<(Stretch | null)[]>;
}
