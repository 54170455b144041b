/**
 * A file becomes the source of a video: its order is looked at first, so that what is wrong with it costs no upload; its bytes
 * go into the store below the run that they are for; then the run is accepted, with the row that names them. Until then the
 * file is nobody's, and nothing stays of it when anything goes wrong; what a killed process leaves, gc removes after a day.
 */
import { extname } from 'node:path';
import { PermanentError, RetryableError, type Storage, type StoredObject, UserError } from '@reelfleet/core';
import { videosOfSources } from '@reelfleet/db';
import { v7 } from 'uuid';
import { uploadKey } from './build-ingest.ts';
import { type EnqueueDeps, enqueueOrders, lookAtOrder } from './enqueue.ts';
import type { FullOrder, Ingested, IngestOrder, Operator, UploadedFile } from './operator-types.ts';
import { baseName } from './order-ingest.ts';

export interface UploadDeps extends EnqueueDeps {
  storage: Pick<Storage, 'uriOf' | 'keyOf' | 'stat' | 'put' | 'delete'>;
}

/** As {@link Operator.upload} says. */
export async function acceptUpload(
  deps: UploadDeps,
  { open, fileName: given, contentType, sha256 }: UploadedFile,
  order: Parameters<Operator['upload']>[1],
  { signal, onBytes }: { signal?: AbortSignal; onBytes?: (total: number) => void } = {},
): Promise<Ingested> {
  const { storage } = deps;
  const fileName = baseName(given);
  const runId = v7();
  const key = uploadKey(runId, `source${ending(fileName)}`);
  const orderOf = (upload: StoredObject): SourceOrder => ({ kind: 'ingest', ...order, upload, fileName });
  const expected = { uri: storage.uriOf(key), sha256: sha256 ?? UNKNOWN, sizeBytes: 1, contentType };
  const known = await lookAtOrder(deps, orderOf(expected));
  if (known) return known;
  const here = await madeOf(deps, order, sha256);
  if (here !== null) return await enqueued(deps, here);

  signal?.throwIfAborted();
  const stored = await store(storage, key, open, { contentType, signal, onBytes });
  try {
    signal?.throwIfAborted();
    if (stored.sizeBytes === 0)
      throw new UserError(`${fileName} is empty: there is nothing to import`, { exitCode: 2 });
    if (sha256 !== undefined && stored.sha256 !== sha256)
      throw new UserError(`${fileName} changed while it was uploaded: nothing was enqueued, try again`);
  } catch (error) {
    await remove(storage, stored.uri);
    throw error;
  }
  // From here on nobody stops half-way: whoever changes their mind now cancels the run.
  const answer = await enqueued(deps, orderOf(stored)).catch(async (error) => {
    if (!mayHaveHappened(error)) await remove(storage, stored.uri);
    throw error;
  });
  if (answer.runId !== runId) await remove(storage, stored.uri);
  return answer;
}

type SourceOrder = ({ kind: 'ingest' } & IngestOrder) | ({ kind: 'full' } & FullOrder);

async function enqueued(deps: UploadDeps, order: SourceOrder): Promise<Ingested> {
  const [answer] = await enqueueOrders(deps, [order]);
  if (!answer) throw new Error('an order was not answered');
  return answer;
}

/** Everything of a file that is a video already is done with the file it has: the order as one of that video, or null. */
async function madeOf(
  { reads }: UploadDeps,
  order: Parameters<Operator['upload']>[1],
  sha256: string | undefined,
): Promise<SourceOrder | null> {
  if (order.kind !== 'full' || sha256 === undefined) return null;
  const [video] = (await videosOfSources(reads, { urls: [], sha256s: [sha256] })).filter(({ deletedAt }) => !deletedAt);
  if (!video) return null;
  const { title: _title, identifier: _identifier, category: _category, tags: _tags, ...rest } = order;
  return { ...rest, video: video.identifier };
}

/** No file has this checksum, as far as anybody knows. */
const UNKNOWN = '0'.repeat(64);

async function store(
  storage: Pick<Storage, 'put'>,
  key: string,
  open: UploadedFile['open'],
  watch: { contentType: string; signal: AbortSignal | undefined; onBytes: ((total: number) => void) | undefined },
): Promise<StoredObject> {
  const { contentType, signal, onBytes } = watch;
  try {
    return await storage.put(key, open(), {
      contentType,
      ...(signal ? { signal } : {}),
      ...(onBytes ? { onBytes } : {}),
    });
  } catch (error) {
    if (error instanceof RetryableError || error instanceof PermanentError)
      throw new UserError(error.message, { kind: 'unavailable', cause: error });
    throw error;
  }
}

/** The database did not answer: the run may have been accepted, and then the file is its. gc knows, in a day. */
const mayHaveHappened = (error: unknown): boolean => !(error instanceof UserError) || error.kind === 'unavailable';

/** What cannot be removed now, gc removes: the refusal is what counts. */
async function remove(storage: Pick<Storage, 'delete'>, uri: string): Promise<void> {
  await storage.delete(uri).catch(() => {});
}

/** `.mp4`; nothing where the name ends in what is no ending. */
function ending(fileName: string): string {
  const found = extname(fileName).toLowerCase();
  return /^\.[a-z0-9]{1,8}$/.test(found) ? found : '';
}
