/**
 * A server that answers like the OpenAI API, for tests: real HTTP, the shapes of the real answers, faults by script. It keeps
 * count of what it was asked and of what it answered, since an answer is what costs money.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** What becomes of one request. The last three have produced their answer, which is billed. */
export type Fault =
  | { kind: 'rate-limit'; retryAfter?: string }
  | { kind: 'error'; status: number; message?: string }
  /** The connection dies when the answer is ready, before it is sent. */
  | { kind: 'drop' }
  /** The answer breaks off in the middle. */
  | { kind: 'malformed' }
  /** The answer comes when this has resolved. */
  | { kind: 'hold'; until: Promise<unknown> };

/** What a server makes of the sound it is sent. */
export interface Heard {
  language: string;
  duration: number;
  words?: { word: string; start: number; end: number }[];
  segments?: { text: string; start: number; end: number }[];
}

export interface OpenAiRequest {
  path: string;
  /** Idempotency-Key. */
  callId: string | undefined;
  authorization: string | undefined;
  /** The JSON of a chat; the fields of a form without its file. */
  body: Record<string, unknown>;
  /** The file of a form. */
  sound: { name: string; bytes: Buffer } | null;
}

export interface OpenAiScript {
  hear?(request: OpenAiRequest): Promise<Heard> | Heard;
  /** The content of the message; what is no string is sent as JSON. */
  chat?(request: OpenAiRequest): unknown;
  /** Whether the same Idempotency-Key gets the same answer for nothing. Not promised by the real API, so not by default. */
  keepsAnswers?: boolean;
}

export interface OpenAiServer {
  /** With `/v1`. */
  readonly baseUrl: string;
  /** Everything it was asked, in order. */
  readonly requests: OpenAiRequest[];
  /** How many answers were produced: each costs money. */
  readonly answered: number;
  /** How often each Idempotency-Key was answered. */
  readonly answeredByCall: ReadonlyMap<string, number>;
  /** The faults of the next requests, one each; null is none. */
  next(...faults: (Fault | null)[]): void;
  close(): Promise<void>;
}

export async function startOpenAi(script: OpenAiScript): Promise<OpenAiServer> {
  const requests: OpenAiRequest[] = [];
  const faults: (Fault | null)[] = [];
  const answeredByCall = new Map<string, number>();
  const kept = new Map<string, unknown>();
  const sockets = new Set<Socket>();
  let answered = 0;

  async function produce(request: OpenAiRequest): Promise<unknown> {
    const known = script.keepsAnswers && request.callId ? kept.get(request.callId) : undefined;
    if (known !== undefined) return known;
    const answer = await answerOf(script, request);
    answered += 1;
    if (request.callId) {
      answeredByCall.set(request.callId, (answeredByCall.get(request.callId) ?? 0) + 1);
      kept.set(request.callId, answer);
    }
    return answer;
  }

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await read(incoming);
    requests.push(request);
    const fault = faults.shift() ?? null;
    if (fault?.kind === 'rate-limit')
      return refuse(response, 429, 'Rate limit reached', fault.retryAfter ? { 'retry-after': fault.retryAfter } : {});
    if (fault?.kind === 'error') return refuse(response, fault.status, fault.message ?? 'The server had an error');
    const text = JSON.stringify(await produce(request));
    if (fault?.kind === 'hold') await fault.until;
    if (fault?.kind === 'drop') return void incoming.socket.destroy();
    response.writeHead(200, { 'content-type': 'application/json', 'x-request-id': `req_${requests.length}` });
    response.end(fault?.kind === 'malformed' ? text.slice(0, text.length / 2) : text);
  }

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch((error) => refuse(response, 500, String(error)));
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    get answered() {
      return answered;
    },
    answeredByCall,
    next: (...more) => void faults.push(...more),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function read(incoming: IncomingMessage): Promise<OpenAiRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const type = String(incoming.headers['content-type'] ?? '');
  const common = {
    path: incoming.url ?? '',
    callId: incoming.headers['idempotency-key'] as string | undefined,
    authorization: incoming.headers.authorization,
  };
  if (!type.startsWith('multipart/')) return { ...common, body: JSON.parse(bytes.toString() || '{}'), sound: null };
  const form = await new Response(bytes, { headers: { 'content-type': type } }).formData();
  const file = form.get('file');
  const fields = [...new Set(form.keys())].filter((name) => name !== 'file');
  return {
    ...common,
    body: Object.fromEntries(fields.map((name) => [name, name.endsWith('[]') ? form.getAll(name) : form.get(name)])),
    sound: file instanceof File ? { name: file.name, bytes: Buffer.from(await file.arrayBuffer()) } : null,
  };
}

async function answerOf({ hear, chat }: OpenAiScript, request: OpenAiRequest): Promise<unknown> {
  if (request.path.endsWith('/audio/transcriptions') && hear) {
    const { words, segments, ...heard } = await hear(request);
    const text = (segments?.map((one) => one.text) ?? words?.map(({ word }) => word) ?? []).join(' ').trim();
    return {
      task: 'transcribe',
      ...heard,
      text,
      ...(words ? { words } : {}),
      // With all that the real API tells and nobody here reads.
      ...(segments ? { segments: segments.map((one, id) => ({ id, seek: 0, ...one, ...segmentExtras })) } : {}),
      usage: { type: 'duration', seconds: Math.ceil(heard.duration) },
    };
  }
  if (request.path.endsWith('/chat/completions') && chat) {
    const said = await chat(request);
    const content = typeof said === 'string' ? said : JSON.stringify(said);
    const prompt = Math.ceil(JSON.stringify(request.body.messages ?? '').length / 4);
    const completion = Math.ceil(content.length / 4);
    return {
      ...{ id: 'chatcmpl-test', object: 'chat.completion', created: 1_767_225_600, model: request.body.model },
      choices: [{ index: 0, message: { role: 'assistant', content, refusal: null }, finish_reason: 'stop' }],
      usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
    };
  }
  throw new Error(`this server does not answer ${request.path}`);
}
const segmentExtras = { tokens: [50364, 440, 50464], temperature: 0, avg_logprob: -0.2, no_speech_prob: 0.01 };

function refuse(response: ServerResponse, status: number, message: string, headers: Record<string, string> = {}): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ error: { message, type: 'test_error', param: null, code: null } }));
}
