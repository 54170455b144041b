/** Transcripts, moments and clips as an operator asks for them, and the search over everything that is said. */
import { type Storage, UserError } from '@reelfleet/core';
import {
  artifactByUri,
  type MomentRecord,
  momentsOf,
  type ReadHandle,
  searchTranscripts,
  type TranscriptRecord,
  transcriptOf,
  understoodWords,
  type VideoRecord,
} from '@reelfleet/db';
import { fileName } from './export.ts';
import type { ArtifactDetails, Operator } from './operator-types.ts';
import { line, whole, wrong } from './order-words.ts';
import type { ClipRow, MomentRow, SearchResult, TranscriptDetails } from './said-types.ts';
import { filePath } from './watching.ts';

const PAGE = 10;
const MOST = 50;
const LONGEST_SEARCH = 300;

/** Of one video: `known` finds it, `details` shows an artifact of it. */
export function saidLibrary(
  reads: ReadHandle,
  storage: Pick<Storage, 'keyOf'>,
  known: (ref: string) => Promise<VideoRecord>,
  details: (artifact: NonNullable<Awaited<ReturnType<typeof artifactByUri>>>) => ArtifactDetails,
): Pick<Operator['videos'], 'transcript' | 'moments' | 'clipFile'> {
  return {
    async transcript(ref, { words = false } = {}) {
      const video = await known(ref);
      const found = await transcriptOf(reads, video.id, { words });
      if (!found)
        throw missing(
          `video "${video.identifier}" has no transcript: "reelfleet enqueue full ${video.identifier}" makes one`,
        );
      return transcriptDetails(found, storage);
    },
    async moments(ref) {
      const video = await known(ref);
      return (await momentsOf(reads, video.id)).map((moment) => momentRow(moment, video.id));
    },
    async clipFile(ref, moment, which) {
      const video = await known(ref);
      const found = (await momentsOf(reads, video.id)).find(({ id, identifier }) =>
        [id, identifier].includes(moment.trim()),
      );
      if (!found)
        throw missing(
          `video "${video.identifier}" has no moment "${moment}": "reelfleet moments ls ${video.identifier}" lists them`,
        );
      const uri = which === 'content' ? found.clip?.uri : found.thumbnailUri;
      if (!found.clip || !uri)
        throw missing(
          found.clip
            ? `the clip of moment "${found.identifier}" has no picture`
            : `moment "${found.identifier}" has no clip: "reelfleet enqueue clips ${video.identifier} --moments ${found.identifier}" cuts one`,
        );
      const artifact = await artifactByUri(reads, uri);
      if (!artifact) throw missing(`the clip of moment "${found.identifier}" is not among the artifacts any more`);
      const shown = details(artifact);
      const ending = /\.[a-z0-9]{1,8}$/i.exec(shown.fileName)?.[0] ?? '';
      return { ...shown, fileName: `${fileName(`${video.title} - ${found.title}`)}${ending}` };
    },
  };
}

export function searching(reads: ReadHandle): Pick<Operator, 'search'> {
  return {
    async search(words, { limit = PAGE } = {}): Promise<SearchResult> {
      const asked = line('', 'the search', words, LONGEST_SEARCH);
      const most = whole('', 'limit', limit, 1, MOST);
      const understood = await understoodWords(reads, asked);
      if (understood === null)
        throw wrong(
          `nothing in ${JSON.stringify(asked)} can be looked for: name at least one word that is said and is not as common as "the" or "of"`,
        );
      const { videos, matches, more } = await searchTranscripts(reads, understood, most);
      return {
        videos: videos.map(({ best, ...video }) => ({
          ...video,
          hits: best.map(({ start, end, parts }) => ({ startSeconds: start, endSeconds: end, parts })),
        })),
        total: matches,
        more,
      };
    },
  };
}

function transcriptDetails(record: TranscriptRecord, storage: Pick<Storage, 'keyOf'>): TranscriptDetails {
  const { id: _id, captionsUri, createdAt, ...rest } = record;
  return { ...rest, captionsUrl: addressOf(captionsUri, storage), createdAt: createdAt.toISOString() };
}

/** Stored before STORAGE_URL was changed, a file cannot be handed out by this server. */
function addressOf(uri: string | null, storage: Pick<Storage, 'keyOf'>): string | null {
  try {
    return uri === null ? null : filePath(storage.keyOf(uri));
  } catch {
    return null;
  }
}

function momentRow(record: MomentRecord, videoId: string): MomentRow {
  const { id, identifier, title, isRefined, parent, generationModel, score, scoringModel, scoredAt, createdAt } =
    record;
  return {
    id,
    identifier,
    startSeconds: record.start,
    endSeconds: record.end,
    title,
    isRefined,
    parent,
    generationModel,
    score,
    scoringModel,
    scoredAt: scoredAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
    clip: clipRow(record, videoId),
  };
}

function clipRow({ clip, identifier, title, thumbnailUri }: MomentRecord, videoId: string): ClipRow | null {
  if (clip === null) return null;
  const { start, end, paddingLeft, paddingRight, sizeBytes, createdAt, ...rest } = clip;
  const path = `/api/videos/${videoId}/clips/${identifier}`;
  return {
    ...rest,
    moment: identifier,
    title,
    startSeconds: start,
    endSeconds: end,
    paddingLeftSeconds: paddingLeft,
    paddingRightSeconds: paddingRight,
    url: `${path}/content`,
    thumbnailUrl: thumbnailUri === null ? null : `${path}/thumbnail`,
    sizeBytes: sizeBytes === null ? null : Number(sizeBytes),
    createdAt: createdAt.toISOString(),
  };
}

const missing = (sentence: string): UserError => new UserError(sentence, { kind: 'missing' });
