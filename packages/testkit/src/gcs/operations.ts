/** What each request does, and how it goes wrong when it must; uploads are in uploads.ts. */
import { answer, conclude, type Exchange, noObject, paceOf, refuse, type Surroundings, shown } from './answers.ts';
import { send } from './bodies.ts';
import { rewrite } from './rewrite.ts';
import { signatureProblem } from './signed.ts';
import { append, begin, insert } from './uploads.ts';

/** Carries out one request. */
export async function operations(around: Surroundings, exchange: Exchange): Promise<void> {
  const { request, response, route, fault } = exchange;
  if (fault === '401' || fault === '403' || fault === '429' || fault === '503') {
    request.resume();
    const seconds = fault === '429' ? (around.faults.plan.retryAfterSeconds ?? 1) : null;
    refuse(
      response,
      Number(fault),
      `ordered fault ${fault}`,
      seconds === null ? {} : { 'Retry-After': String(seconds) },
    );
    return;
  }
  if (route.operation === 'unknown') return refuse(response, 404, 'Not Found');
  if (route.bucket !== around.bucketName) {
    request.resume();
    return refuse(response, 404, 'The specified bucket does not exist.');
  }
  switch (route.operation) {
    case 'stat':
      return stat(around, exchange);
    case 'read':
      return read(around, exchange);
    case 'list':
      return list(around, exchange);
    case 'delete':
      return remove(around, exchange);
    case 'insert':
      return insert(around, exchange);
    case 'begin':
      return begin(around, exchange);
    case 'append':
    case 'ask':
      return append(around, exchange);
    case 'rewrite':
      return rewrite(around, exchange);
    case 'signed':
      return signed(around, exchange);
    default:
      route.operation satisfies never;
  }
}

function stat(around: Surroundings, exchange: Exchange): void {
  const facts = around.bucket.get(exchange.route.name, exchange.route.url.searchParams.get('generation'));
  if (facts) answer(exchange.response, 200, shown(around, facts));
  else noObject(around, exchange);
}

function list(around: Surroundings, { response, route }: Exchange): void {
  const { searchParams } = route.url;
  const token = searchParams.get('pageToken');
  const after = token === null ? null : Buffer.from(token, 'base64url').toString();
  const most = Math.min(Number(searchParams.get('maxResults') ?? around.pageSize), around.pageSize);
  const { items, more } = around.bucket.list(searchParams.get('prefix') ?? '', after, most);
  answer(response, 200, {
    kind: 'storage#objects',
    ...(items.length > 0 ? { items: items.map((facts) => shown(around, facts)) } : {}),
    ...(more ? { nextPageToken: Buffer.from(items.at(-1)?.name ?? '').toString('base64url') } : {}),
  });
}

async function remove(around: Surroundings, exchange: Exchange): Promise<void> {
  const { response, route } = exchange;
  if (!around.bucket.get(route.name)) return conclude(exchange, () => noObject(around, exchange));
  if (!around.bucket.holds(route.name, route.url.searchParams.get('ifGenerationMatch')))
    return refuse(response, 412, 'At least one of the pre-conditions you specified did not hold.');
  await around.bucket.delete(route.name);
  conclude(exchange, () => response.writeHead(204).end());
}

async function read(around: Surroundings, exchange: Exchange): Promise<void> {
  const { request, response, route, fault } = exchange;
  const facts = around.bucket.get(route.name, route.url.searchParams.get('generation'));
  if (!facts) return noObject(around, exchange);
  const part = partOf(request.headers.range, facts.size);
  if (part === 'none') {
    return refuse(response, 416, 'The requested range cannot be satisfied.', {
      'Content-Range': `bytes */${facts.size}`,
    });
  }
  const { start, size } = part ?? { start: 0, size: facts.size };
  response.writeHead(part ? 206 : 200, {
    'Content-Type': facts.contentType,
    ...(fault === 'no-length' ? {} : { 'Content-Length': size }),
    'Accept-Ranges': 'bytes',
    'X-Goog-Generation': facts.generation,
    'X-Goog-Hash': `crc32c=${facts.crc32c},md5=${facts.md5Hash}`,
    'X-Goog-Stored-Content-Encoding': 'identity',
    'X-Goog-Stored-Content-Length': facts.size,
    ...(part ? { 'Content-Range': `bytes ${start}-${start + size - 1}/${facts.size}` } : {}),
  });
  await send(
    response,
    { path: facts.path, offset: facts.offset + start, size },
    {
      pace: paceOf(around, fault),
      stopAfter: fault === 'cut-download' ? around.faults.below(size) : null,
      flipAt: fault === 'corrupt-download' ? around.faults.below(size) : null,
    },
  );
}

/** The part that a Range header asks for; null: all, 'none': nothing lies there. */
function partOf(header: string | undefined, total: number): { start: number; size: number } | null | 'none' {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (from === '' && to === '') return null;
  const start = from === '' ? Math.max(0, total - Number(to)) : Number(from);
  const end = from === '' || to === '' ? total : Math.min(total, Number(to) + 1);
  return start < end ? { start, size: end - start } : 'none';
}

async function signed(around: Surroundings, { request, response, route }: Exchange): Promise<void> {
  const key = around.signerKey;
  // The library signs a host without its port, which only matters where there is one.
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  const problem = key === null ? 'nobody may sign here' : signatureProblem(route.url, host, key, Date.now());
  if (problem !== null) return refuse(response, 403, problem);
  const facts = around.bucket.get(route.name);
  if (!facts) return refuse(response, 404, 'The specified key does not exist.');
  const disposition = route.url.searchParams.get('response-content-disposition');
  response.writeHead(200, {
    'Content-Type': route.url.searchParams.get('response-content-type') ?? facts.contentType,
    'Content-Length': facts.size,
    ...(disposition ? { 'Content-Disposition': disposition } : {}),
  });
  await send(response, facts);
}
