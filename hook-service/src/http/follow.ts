import express, { type Router } from 'express';
import { ToolturnError } from '../core/errors';
import { ticketSilenceMs, type TicketState, type Tickets } from '../core/ticket';

/** One for each worker of LiteLLM. */
const mostFollowers = 512;
/** What a door may leave unread before it is let go, in bytes. */
const mostUnread = 16 * 1024;

/**
 * Where the door hears which tickets hold: one line at once, at every change, and often enough to show
 * that it is still said. The end of the answer is the end of all tickets.
 */
export function followRoute(tickets: Tickets): Router {
  const router = express.Router();
  router.get('/follow', (_req, res) => {
    if (tickets.following >= mostFollowers)
      throw new ToolturnError('overloaded', 'Too many doors follow this hook-service.');
    const say = (state: TicketState): void => {
      if (res.writableLength > mostUnread) res.destroy();
      else res.write(`${JSON.stringify(state)}\n`);
    };
    res.status(200).type('application/x-ndjson');
    say(tickets.state);
    const beat = setInterval(() => say(tickets.state), ticketSilenceMs / 4);
    const unfollow = tickets.follow({ changed: say, ended: () => res.end() });
    res.once('close', () => {
      clearInterval(beat);
      unfollow();
    });
  });
  return router;
}
