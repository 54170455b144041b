/** For tests of the API: requests with what came of them, and rows to ask about. Not imported by the product. */
import { createHash, randomUUID } from 'node:crypto';
import { type IncomingHttpHeaders, request } from 'node:http';
import { json, text } from '@reelfleet/db';
import { v7 } from 'uuid';
import type { TestServer } from '../testing.ts';

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of it.
  json: any;
  /** The connection was cut before the promised end. */
  cut: boolean;
}

/** One request exactly as it is written: the path is sent as it stands, which `fetch` would not do. */
export function ask(
  { origin }: Pick<TestServer, 'origin'>,
  method: string,
  path: string,
  options: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<Reply> {
  const { hostname, port } = new URL(origin);
  const body = typeof options.body === 'string' ? options.body : JSON.stringify(options.body);
  const headers = {
    ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    ...options.headers,
  };
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', () => {});
      response.on('close', () => {
        const bytes = Buffer.concat(chunks);
        const isJson = /json/.test(response.headers['content-type'] ?? '') && bytes.length > 0;
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: bytes,
          json: isJson && response.complete ? JSON.parse(bytes.toString()) : undefined,
          cut: !response.complete,
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

export const album = { template: 'album', channel: 'Court', niche: 'Royal Court', moods: ['calm'], preview: true };

/** A stored file with its row. */
export async function store(
  server: Pick<TestServer, 'storage' | 'db'>,
  key: string,
  bytes: Uint8Array | string,
  facts: { contentType?: string; kind?: string; videoId?: string; sizeBytes?: number } = {},
) {
  const body = Buffer.from(bytes as string);
  const contentType = facts.contentType ?? 'application/octet-stream';
  const { uri } = await server.storage.put(key, body, { contentType });
  const row = {
    id: randomUUID(),
    kind: facts.kind ?? 'raw',
    uri,
    sha256: createHash('sha256').update(body).digest('hex'),
    size_bytes: facts.sizeBytes ?? body.byteLength,
    content_type: contentType,
    video_id: facts.videoId ?? null,
  };
  await server.db.query(
    `insert into artifacts (id, kind, uri, sha256, size_bytes, content_type, video_id)
    select id, kind, uri, sha256, size_bytes, content_type, video_id
    from jsonb_to_record($1::text::jsonb) as r(id uuid, kind text, uri text, sha256 text, size_bytes bigint, content_type text, video_id uuid)`.replace(
      '$1::text::jsonb',
      json(row).sql(1),
    ),
    [json(row)],
  );
  return row;
}

/** A video's row; `uri` and `thumbnail` are stored files. */
export async function makeVideo(
  server: Pick<TestServer, 'db'>,
  facts: { title: string; uri?: string; thumbnail?: string; deleted?: boolean },
): Promise<{ id: string; identifier: string }> {
  const id = v7();
  const identifier = `video-${id.slice(-8)}`;
  await server.db.query(
    `insert into videos (id, identifier, title, video_url, thumbnail_url, file_size_bytes, deleted_at)
    values ('${id}', '${identifier}', $1::text, $2::text, $3::text, 5, ${facts.deleted ? 'now()' : 'null'})`,
    [text(facts.title), text(facts.uri ?? null), text(facts.thumbnail ?? null)],
  );
  return { id, identifier };
}

/** The one task of a run is claimed, and fails for good. */
export async function failTask(server: TestServer, runId: string, message = 'it broke\nline one\nline two') {
  const worker = randomUUID();
  await server.ledger.hello({
    id: worker,
    name: `w-${worker.slice(0, 8)}`,
    type: 'local',
    capabilities: {},
    metadata: {},
  });
  const { tasks } = await server.operator.run(runId);
  const [task] = tasks;
  if (!task) throw new Error(`run ${runId} has no task`);
  const asked = [{ id: task.id, version: task.stateVersion, refusal: null }];
  const [claimed] = await server.ledger.claim(worker, 30_000, asked);
  if (claimed?.kind !== 'claimed') throw new Error(`${task.key} was ${claimed?.kind}`);
  const { version } = claimed.task;
  await server.ledger.settle(worker, [{ id: task.id, version, event: 'fail', code: 'broken', message }]);
  return { taskId: task.id, worker };
}
