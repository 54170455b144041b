import fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { closesWithin } from './closing.ts';
import { problemOf, sendProblem } from './problem.ts';

/** A server with one answer that ends when it is told to. */
async function slowServer(graceMs: number) {
  const app = fastify({ return503OnClosing: false });
  app.setErrorHandler((error, request, reply) => sendProblem(request, reply, problemOf(error)));
  closesWithin(app, graceMs);
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let began = () => {};
  const asked = new Promise<void>((resolve) => {
    began = resolve;
  });
  app.get('/slow', async () => {
    began();
    await finished;
    return { done: true };
  });
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  return { app, origin, asked, finish };
}

describe('a server that closes', () => {
  it('lets an answer under way finish, and is gone right after it', async () => {
    const { app, origin, asked, finish } = await slowServer(60_000);
    const answer = fetch(`${origin}/slow`);
    await asked;
    const closed = app.close();
    await expect(fetch(`${origin}/slow`)).rejects.toThrow();
    finish();
    expect(await (await answer).json()).toEqual({ done: true });
    await closed;
  });

  it('cuts what is still open at the end of its grace', async () => {
    const { app, origin, asked } = await slowServer(200);
    const answer = fetch(`${origin}/slow`);
    answer.catch(() => {});
    await asked;
    await app.close();
    await expect(answer).rejects.toThrow();
  });
});
