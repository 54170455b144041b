/** What is said in videos and what was found in it: transcripts, moments, clips, and what a search finds. */

export interface SaidSegment {
  text: string;
  /** Seconds. */
  start: number;
  end: number;
}

export interface SaidWord {
  word: string;
  start: number;
  end: number;
}

export interface TranscriptDetails {
  /** ISO 639-1. */
  language: string;
  fullText: string;
  segments: SaidSegment[];
  /** Null unless they were asked for. */
  words: SaidWord[] | null;
  numberOfWords: number | null;
  numberOfSegments: number | null;
  /** What made it: provider and model. */
  service: string | null;
  processingSeconds: number | null;
  /** WebVTT, a path on the server; null where its file is not of this store. */
  captionsUrl: string | null;
  createdAt: string;
}

export interface ClipRow {
  id: string;
  /** Identifier of its moment. */
  moment: string;
  title: string;
  /** In seconds of the video, with the padding as it was used. */
  startSeconds: number;
  endSeconds: number;
  paddingLeftSeconds: number;
  paddingRightSeconds: number;
  /** Where its file is stored. */
  uri: string;
  /** Paths on the server. */
  url: string;
  thumbnailUrl: string | null;
  sizeBytes: number | null;
  format: string | null;
  videoCodec: string | null;
  audioCodec: string | null;
  /** `1280x720` */
  resolution: string | null;
  createdAt: string;
}

export interface MomentRow {
  id: string;
  identifier: string;
  startSeconds: number;
  endSeconds: number;
  title: string;
  isRefined: boolean;
  /** Identifier of the moment that this one was refined of; null for one that was found, or where that one is gone. */
  parent: string | null;
  generationModel: string | null;
  /** 0 to 10; null until it was scored. */
  score: number | null;
  scoringModel: string | null;
  scoredAt: string | null;
  createdAt: string;
  /** Clips are cut of moments as they were found: one that was refined has none of its own. */
  clip: ClipRow | null;
}

/** A place where the words are said. */
export interface SearchHit {
  startSeconds: number;
  endSeconds: number;
  /** What is said there: one after the other the parts are the text, those with `hit` are what was looked for. */
  parts: { text: string; hit: boolean }[];
}

export interface SearchVideo {
  id: string;
  identifier: string;
  title: string;
  durationSeconds: number | null;
  thumbnailUri: string | null;
  language: string;
  /** Higher is better; only good for comparing within one answer. */
  rank: number;
  /** In how many of its segments any of the words is said. */
  places: number;
  /** The best of these, in the order of the video. */
  hits: SearchHit[];
}

export interface SearchResult {
  /** Best first. */
  videos: SearchVideo[];
  /** How many videos match, of those that were ranked. */
  total: number;
  /** So many match that only the newest were ranked: more specific words find the others. */
  more: boolean;
}
