/** Copies inside the bucket, in as many requests as their size takes; the copy appears whole, with the last of them. */
import { randomUUID } from 'node:crypto';
import { copyFile } from 'node:fs/promises';
import { answer, conclude, type Exchange, noObject, refuse, type Surroundings, shown } from './answers.ts';

export async function rewrite(around: Surroundings, exchange: Exchange): Promise<void> {
  const { request, response, route, fault } = exchange;
  request.resume();
  const { searchParams } = route.url;
  const source = around.bucket.get(route.name, searchParams.get('sourceGeneration'));
  if (!source) return noObject(around, exchange);
  const precondition = searchParams.get('ifGenerationMatch');
  const taken = () => refuse(response, 412, 'At least one of the pre-conditions you specified did not hold.');
  if (!around.bucket.holds(route.target, precondition)) return conclude(exchange, taken);

  const rewritten = Math.min(source.size, Number(searchParams.get('rewriteToken') ?? 0) + around.rewriteStep);
  const progress = {
    kind: 'storage#rewriteResponse',
    totalBytesRewritten: String(rewritten),
    objectSize: String(source.size),
  };
  if (rewritten < source.size) {
    return conclude(exchange, () =>
      answer(response, 200, { ...progress, done: false, rewriteToken: String(rewritten) }),
    );
  }
  const path = `${around.folder}/${randomUUID()}`;
  await copyFile(source.path, path);
  const { offset, size, crc32c, md5Hash, contentType, metadata } = source;
  const wish = { name: route.target, contentType, metadata };
  const made = await around.bucket.create(wish, { path, offset, size }, { crc32c, md5Hash }, precondition);
  conclude(exchange, () => {
    if (!made) taken();
    else if (fault === 'empty-reply') response.writeHead(200, { 'Content-Length': 0 }).end();
    else
      answer(response, 200, fault === 'hollow-reply' ? {} : { ...progress, done: true, resource: shown(around, made) });
  });
}
