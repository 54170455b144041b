/** What keeps store and database in step: re-hashing every artifact, and removing what nothing needs any more. */
import { messageOf, type SetMember, type Storage, type SweepLedger } from '@reelfleet/core';
import { artifactsAfter, countArtifacts, type ReadHandle, runsOlderThan } from '@reelfleet/db';
import { archiveKey, unarchivedKey } from '@reelfleet/storage';
import type { Operator } from './operator-types.ts';

const PAGE = 200;
const RETENTION_BATCH = 500;
const DAY_MS = 86_400_000;

/** Removes unnamed objects; lives in the fleet package, which the daily sweep uses it from. */
export type CollectGarbage = (
  storage: Storage,
  ledger: Pick<SweepLedger, 'unnamed'>,
  options: { olderThanMs: number; dryRun?: boolean },
) => Promise<{ looked: number; removed: number; bytes: number }>;

/** Re-hash every file of every artifact against the database, one at a time: a check must not starve the work. */
export async function checkArtifacts(
  db: ReadHandle,
  storage: Pick<Storage, 'checksum' | 'uriOf' | 'keyOf'>,
  report: (done: number, total: number) => void = () => {},
): ReturnType<Operator['fsck']> {
  const total = await countArtifacts(db);
  const result: Awaited<ReturnType<Operator['fsck']>> = { checked: 0, bytes: 0, problems: [] };
  let after: string | null = null;
  report(0, total);
  for (;;) {
    const page: Awaited<ReturnType<typeof artifactsAfter>> = await artifactsAfter(db, after, PAGE);
    for (const artifact of page) {
      for (const file of filesOf(artifact)) {
        const problem = await compare(storage, file, artifact.videoIsDeleted ? artifact.videoId : null);
        if (problem) result.problems.push({ uri: file.uri, problem });
        else result.bytes += Number(file.sizeBytes);
      }
      result.checked += 1;
      // Rows may have come since they were counted.
      report(result.checked, Math.max(total, result.checked));
    }
    const last = page.at(-1);
    if (!last || page.length < PAGE) return result;
    after = last.id;
  }
}

interface StoredFile {
  uri: string;
  sha256: string;
  sizeBytes: bigint;
}

/** The files an artifact consists of: itself, or the members of a set. */
function filesOf(artifact: StoredFile & { segments: unknown }): StoredFile[] {
  if (artifact.segments === null) return [artifact];
  return (artifact.segments as SetMember[]).map(({ name, sha256, sizeBytes }) => ({
    uri: `${artifact.uri}/${encodeURIComponent(name)}`,
    sha256,
    sizeBytes: BigInt(sizeBytes),
  }));
}

/** `deleted` is the id of its video if that is deleted: an archive or a restore that has not ended leaves files in both places. */
async function compare(
  storage: Pick<Storage, 'checksum' | 'uriOf' | 'keyOf'>,
  file: StoredFile,
  deleted: string | null,
): Promise<string | null> {
  try {
    const found =
      (await storage.checksum(file.uri)) ??
      (deleted === null ? null : await storage.checksum(otherPlace(storage, file.uri, deleted)));
    if (!found) return 'the file is not there';
    if (BigInt(found.sizeBytes) !== file.sizeBytes)
      return `the file has ${found.sizeBytes} bytes instead of ${file.sizeBytes}`;
    return found.sha256 === file.sha256 ? null : 'the file has other bytes than were stored (its checksum differs)';
  } catch (error) {
    return `the file cannot be read: ${messageOf(error)}`;
  }
}

function otherPlace(storage: Pick<Storage, 'uriOf' | 'keyOf'>, uri: string, videoId: string): string {
  const key = storage.keyOf(uri);
  return storage.uriOf(key.startsWith('archive/') ? unarchivedKey(key) : archiveKey(videoId, key));
}

/** Retention first, so that the files of the runs it removes are seen as unnamed. */
export async function cleanUp(
  deps: {
    reads: ReadHandle;
    storage: Storage;
    ledger: Pick<SweepLedger, 'retention' | 'unnamed'>;
    retentionDays: number;
    collectGarbage: CollectGarbage;
  },
  { dryRun, olderThanMs = DAY_MS }: { dryRun: boolean; olderThanMs?: number },
): ReturnType<Operator['gc']> {
  const old = await runsOlderThan(deps.reads, deps.retentionDays);
  let runsRemoved = old;
  if (!dryRun) {
    while ((await deps.ledger.retention(deps.retentionDays, RETENTION_BATCH)) > 0);
    runsRemoved = Math.max(0, old - (await runsOlderThan(deps.reads, deps.retentionDays)));
  }
  return { ...(await deps.collectGarbage(deps.storage, deps.ledger, { olderThanMs, dryRun })), runsRemoved };
}
