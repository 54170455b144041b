/**
 * The videos that are here and that orders of moments, clips and `full` are about, with what these orders need of them. What
 * is missing ends here as one sentence that says which order brings it.
 */
import { type ArtifactRef, artifactRef, UserError } from '@reelfleet/core';
import { type MomentToCutRecord, momentsToCut, type ReadHandle, type SubjectRecord, subjectsLike } from '@reelfleet/db';
import type { ClipsParams } from '@reelfleet/pipelines';
import type { CheckedClips } from './order-moments.ts';
import { within } from './order-words.ts';

export interface Subject extends Pick<SubjectRecord, 'id' | 'identifier' | 'title' | 'status' | 'durationSeconds'> {
  source: ArtifactRef | null;
  transcript: ArtifactRef | null;
  captions: ArtifactRef | null;
  /** Only of videos that clips are ordered of. */
  moments: readonly MomentToCutRecord[];
}

type Asked = { ref: string; where: string; withMoments: boolean };

/** By how they were written in the orders. Throws UserError for one that is not there. */
export async function findSubjects(reads: ReadHandle, asked: readonly Asked[]): Promise<Map<string, Subject>> {
  const refs = [...new Set(asked.map(({ ref }) => ref))];
  const rows = await subjectsLike(reads, refs);
  const found = new Map(
    asked.map(({ ref, where }): [string, SubjectRecord] => {
      const row = rows.find(({ id }) => id === ref.toLowerCase()) ?? rows.find(({ identifier }) => identifier === ref);
      if (!row)
        throw missing(
          `${where}there is no video "${ref}": give the id or identifier of one that is here, or bring it in (reelfleet enqueue full FILE)`,
        );
      return [ref, row];
    }),
  );
  const cut = asked.filter(({ withMoments }) => withMoments).flatMap(({ ref }) => found.get(ref)?.id ?? []);
  const moments = await momentsToCut(reads, [...new Set(cut)]);
  return new Map(
    [...found].map(([ref, row]) => [
      ref,
      {
        ...row,
        source: refOf(row.source),
        transcript: refOf(row.transcript),
        captions: refOf(row.captions),
        moments: moments.filter(({ videoId }) => videoId === row.id),
      },
    ]),
  );
}

/** What the join found, if it found anything. */
function refOf(row: SubjectRecord['source']): ArtifactRef | null {
  return row === null || row.id === null ? null : artifactRef.parse({ ...row, sizeBytes: Number(row.sizeBytes) });
}

/** Its stored file, and how long it is. Throws UserError where it has none yet. */
export function filmOf({ identifier, status, source, durationSeconds }: Subject, where: string) {
  if (source === null || durationSeconds === null)
    throw new UserError(
      `${where}video "${identifier}" has no file that was looked at yet: it is ${status}, so wait for its run, or see why it failed (reelfleet videos show ${identifier})`,
      { kind: 'conflict' },
    );
  return { source, durationSeconds };
}

/** Throws UserError where nobody has written down what is said. */
export function transcriptOf({ identifier, transcript }: Subject, where: string): ArtifactRef {
  if (transcript) return transcript;
  throw new UserError(
    `${where}video "${identifier}" has no transcript, and moments are found in what is said: "reelfleet enqueue full ${identifier}" makes one and goes on from there`,
    { kind: 'conflict' },
  );
}

export interface ToCut {
  moments: ClipsParams['moments'];
  /** Those that have their clip already: it is the answer. */
  there: { moment: string; uri: string }[];
}

/** What an order of clips comes to. Throws UserError where it names a moment that there is not, or one that is not cut. */
export function toCut(subject: Subject, order: Pick<CheckedClips, 'where' | 'moments' | 'replace'>): ToCut {
  return within(order.where, () => {
    const chosen = order.moments ? order.moments.map((name) => named(subject, name)) : rootsOf(subject);
    const all = chosen.map((moment) => ({ moment, has: existing(moment) }));
    const open = all.filter(({ has }) => order.replace || !has?.pictured);
    return {
      moments: open.map(({ moment: { id, identifier, title, start, end }, has }) => ({
        ...{ id, identifier, title, start, end },
        ...(has ? { existing: has } : {}),
      })),
      there: all.flatMap(({ moment, has }) =>
        has?.pictured && !order.replace ? [{ moment: moment.identifier, uri: has.clip.uri }] : [],
      ),
    };
  });
}

function rootsOf({ identifier, moments }: Subject): MomentToCutRecord[] {
  const roots = moments.filter(({ isRefined }) => !isRefined);
  if (roots.length > 0) return roots;
  throw missing(`video "${identifier}" has no moments: "reelfleet enqueue moments ${identifier}" finds them`);
}

function named(subject: Subject, name: string): MomentToCutRecord {
  const found =
    subject.moments.find(({ identifier }) => identifier === name) ??
    subject.moments.find(({ id }) => id === name.toLowerCase());
  if (!found) {
    rootsOf(subject);
    throw missing(
      `video "${subject.identifier}" has no moment "${name}": "reelfleet moments ls ${subject.identifier}" lists them`,
    );
  }
  if (found.isRefined)
    throw new UserError(
      `moment "${name}" was refined of another, and clips are cut of moments as they were found: name that one ("reelfleet moments ls ${subject.identifier}" shows which)`,
      { exitCode: 2 },
    );
  return found;
}

/** The clip of a moment as its stage knows it. */
function existing({ clip, file, pictureUri }: MomentToCutRecord): ClipsParams['moments'][number]['existing'] {
  const stored = refOf(file);
  if (clip === null || stored === null) return undefined;
  const { start, end, paddingLeft, paddingRight, videoCodec, audioCodec, resolution } = clip;
  const [, width = null, height = null] = /^(\d+)x(\d+)$/.exec(resolution ?? '') ?? [];
  return {
    clip: stored,
    ...{ start, end, paddingLeft, paddingRight, videoCodec, audioCodec },
    width: width === null ? null : Number(width),
    height: height === null ? null : Number(height),
    pictured: pictureUri !== null,
  };
}

const missing = (sentence: string): UserError => new UserError(sentence, { kind: 'missing' });
