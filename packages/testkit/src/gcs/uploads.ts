/** Uploads, in one request and in sessions, and how they go wrong when they must. */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { answer, conclude, type Exchange, paceOf, refuse, type Surroundings, shown } from './answers.ts';
import { parseMultipart, receive } from './bodies.ts';
import { type Bytes, flipByte, hashesOf, type StoredFacts, type Wish } from './objects.ts';
import { Session } from './sessions.ts';

export async function insert(around: Surroundings, exchange: Exchange): Promise<void> {
  const { request, response, route, fault } = exchange;
  const path = `${around.folder}/${randomUUID()}`;
  const length = Number(request.headers['content-length'] ?? 4096);
  const { size, whole } = await receive(request, path, {
    pace: paceOf(around, fault),
    stopAfter: fault === 'cut-upload' ? around.faults.below(length) : null,
  });
  if (!whole) {
    await rm(path, { force: true });
    response.socket?.resetAndDestroy();
    return;
  }
  const { wish, bytes } = await parseMultipart(path, size, request.headers['content-type'] ?? '');
  const name = wish.name ?? route.url.searchParams.get('name') ?? '';
  await finish(around, exchange, { ...wish, name }, bytes, route.url.searchParams.get('ifGenerationMatch'));
}

/** Makes bytes an object, if they are what was said of them and nothing has the name. Answers, and tells what it made. */
async function finish(
  around: Surroundings,
  exchange: Exchange,
  wish: Wish,
  bytes: Bytes,
  ifGenerationMatch: string | null,
): Promise<StoredFacts | null> {
  const { request, response, fault } = exchange;
  const flip = async () =>
    bytes.size > 0 && (await flipByte(bytes.path, bytes.offset + around.faults.below(bytes.size)));
  if (fault === 'corrupt-upload') await flip();
  let hashes = await hashesOf(bytes);
  const told = request.headers['x-goog-hash']?.toString() ?? '';
  const crc32c = /crc32c=([^,\s]+)/.exec(told)?.[1] ?? wish.crc32c;
  const md5Hash = /md5=([^,\s]+)/.exec(told)?.[1] ?? wish.md5Hash;
  if ((crc32c ?? hashes.crc32c) !== hashes.crc32c || (md5Hash ?? hashes.md5Hash) !== hashes.md5Hash) {
    await rm(bytes.path, { force: true });
    refuse(response, 400, `Provided CRC32C "${crc32c}" doesn't match calculated CRC32C "${hashes.crc32c}".`);
    return null;
  }
  if (fault === 'corrupt-stored') {
    await flip();
    hashes = await hashesOf(bytes);
  }
  const facts = await around.bucket.create(wish, bytes, hashes, ifGenerationMatch);
  conclude(exchange, () => {
    if (facts && fault === 'empty-reply') response.writeHead(200, { 'Content-Length': 0 }).end();
    else if (facts) answer(response, 200, fault === 'hollow-reply' ? {} : shown(around, facts));
    else refuse(response, 412, 'At least one of the pre-conditions you specified did not hold.');
  });
  return facts;
}

export async function begin(around: Surroundings, exchange: Exchange): Promise<void> {
  const { request, response, route } = exchange;
  const said = await text(request);
  const wish = (said === '' ? {} : JSON.parse(said)) as Wish;
  const ifGenerationMatch = route.url.searchParams.get('ifGenerationMatch');
  const name = route.url.searchParams.get('name') ?? wish.name;
  const contentType = request.headers['x-upload-content-type']?.toString() ?? wish.contentType;
  if (!around.bucket.holds(name, ifGenerationMatch))
    return refuse(response, 412, 'At least one of the pre-conditions you specified did not hold.');
  const session = new Session(
    { ...wish, name, ...(contentType ? { contentType } : {}) },
    ifGenerationMatch,
    around.folder,
  );
  await session.begin();
  around.sessions.set(session.id, session);
  const location = `${around.url}/upload/storage/v1/b/${around.bucketName}/o?uploadType=resumable&upload_id=${session.id}`;
  conclude(exchange, () => answer(response, 200, {}, { Location: location }));
}

export async function append(around: Surroundings, exchange: Exchange): Promise<void> {
  const { request, response, route, fault } = exchange;
  const id = route.url.searchParams.get('upload_id') ?? '';
  if (fault === 'session-gone') {
    around.sessions.delete(id);
    request.resume();
    return refuse(response, 410, 'The upload is gone');
  }
  const session = around.sessions.get(id);
  if (!session) {
    request.resume();
    return refuse(response, 404, 'No such upload');
  }
  await session.exclusively((stop) => take(around, exchange, session, stop));
}

async function take(around: Surroundings, exchange: Exchange, session: Session, stop: AbortSignal): Promise<void> {
  const { request, response, fault } = exchange;
  const [, from, to, total = '*'] =
    /^bytes (?:\*|(\d+)-(\d+|\*))\/(\d+|\*)$/.exec(request.headers['content-range'] ?? '') ?? [];
  if (session.object) {
    request.resume();
    return answer(response, 200, shown(around, session.object));
  }
  if (from !== undefined) {
    if (Number(from) !== session.kept) {
      request.resume();
      return refuse(response, 503, `Invalid request. The upload has ${session.kept} bytes, this begins at ${from}.`);
    }
    const length = Number(request.headers['content-length'] ?? 1024 * 1024);
    const { size, whole } = await receive(request, session.path, {
      pace: paceOf(around, fault),
      stopAfter: fault === 'cut-upload' ? around.faults.below(length) : null,
      stop,
    });
    await session.keep(size, whole, around.granule);
    if (!whole) {
      response.socket?.resetAndDestroy();
      return;
    }
    if (fault === 'corrupt-upload' && total === '*' && size > 0)
      await flipByte(session.path, session.kept - 1 - around.faults.below(size));
    if (total === '*' && to !== '*' && session.kept % around.granule !== 0)
      return refuse(response, 400, `A part that is not the last must be a multiple of ${around.granule} bytes.`);
  } else {
    request.resume();
  }
  if (fault === 'session-emptied') {
    await session.empty();
    return void response.writeHead(308, { 'Content-Length': 0 }).end();
  }
  if ((total !== '*' && session.kept === Number(total)) || to === '*') {
    const bytes = { path: session.path, offset: 0, size: session.kept };
    const facts = await finish(around, exchange, session.wish, bytes, session.ifGenerationMatch);
    if (facts) session.object = facts;
    else around.sessions.delete(session.id);
    return;
  }
  conclude(exchange, () =>
    response
      .writeHead(308, {
        'Content-Length': 0,
        ...(session.kept > 0 ? { Range: `bytes=0-${session.kept - 1}` } : {}),
      })
      .end(),
  );
}
