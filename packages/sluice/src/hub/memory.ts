import { checkWhole } from "../base/options.ts";
import { systemClock, type Clock } from "../base/clock.ts";
import { SluiceError } from "../base/errors.ts";
import { formatOffset } from "../base/offset.ts";
import { systemRandom, type Random } from "../base/id.ts";
import { newEpoch } from "./epoch.ts";
import { Ring, gap } from "./ring.ts";
import { presenceText, typingText, type Follower, type TopicStore, type TopicStoreOptions } from "./store.ts";

export interface MemoryTopicsOptions extends TopicStoreOptions {
  /** What all topics may take, in UTF-16 units: over it, those that were used longest ago lose theirs. Default 64 Mi. */
  readonly maxLength?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

// Counted for each topic beside its events, so that many empty ones are bounded too.
const TOPIC_COST = 1_024;

interface Topic {
  readonly ring: Ring;
  readonly followers: Set<Follower>;
  readonly members: Map<string, number>;
  /** What takes the typing back. */
  readonly typing: Map<string, () => void>;
  usedAt: number;
}

/** Topics of this process alone. Followers are told within `publish`. */
export function createMemoryTopics(options: MemoryTopicsOptions = {}): TopicStore {
  const { clock = systemClock, random = systemRandom } = options;
  const history = checkWhole("history", options.history ?? 100, { to: 10_000 });
  const ttlMs = checkWhole("ttlMs", options.ttlMs ?? 3_600_000);
  const maxLength = checkWhole("maxLength", options.maxLength ?? 67_108_864);
  /** Those used longest ago first. */
  const topics = new Map<string, Topic>();
  let length = 0;
  let turn: Promise<void> | undefined;

  function topicOf(key: string): Topic {
    let topic = topics.get(key);
    if (topic) topics.delete(key);
    if (topic && isIdle(topic) && topic.usedAt + ttlMs <= clock.now()) {
      length -= costOf(topic);
      topic = undefined;
    }
    if (!topic) {
      const ring = new Ring(newEpoch(random), 0, { history });
      topic = { ring, followers: new Set(), members: new Map(), typing: new Map(), usedAt: 0 };
      length += TOPIC_COST;
    }
    topic.usedAt = clock.now();
    topics.set(key, topic); // the last of them again
    if (length > maxLength) shrink(topic);
    return topic;
  }

  function shrink(used: Topic): void {
    for (const [key, topic] of topics) {
      if (length <= maxLength) return;
      if (topic === used) continue;
      length -= costOf(topic);
      if (isIdle(topic)) topics.delete(key);
      else {
        // Its followers have read what there is, or learn that they miss something.
        topic.ring.clear();
        length += costOf(topic);
      }
    }
  }

  function add(topic: Topic, text: string): number {
    const before = topic.ring.cost;
    const sequence = topic.ring.last + 1;
    topic.ring.add(sequence, text);
    length += topic.ring.cost - before;
    for (const follower of topic.followers) follower.changed();
    return sequence;
  }

  function stopTyping(topic: Topic, who: string): void {
    const cancel = topic.typing.get(who);
    if (!cancel) return;
    cancel();
    topic.typing.delete(who);
    add(topic, typingText(who, false));
  }

  return {
    publish(key, text) {
      const topic = topicOf(key);
      const place = { epoch: topic.ring.epoch, sequence: add(topic, text) };
      // Whoever waits for each publication leaves turns of the event loop to those who read.
      turn ??= new Promise((resolve) =>
        setImmediate(() => {
          turn = undefined;
          resolve();
        }),
      );
      return turn.then(() => place);
    },

    async locate(key, start) {
      const { ring } = topicOf(key);
      if ("last" in start) return start.last === 0 ? ring.end : ring.before(start.last);
      const { epoch, sequence } = start.after;
      if (epoch !== ring.epoch || sequence < ring.dropped) throw gap();
      if (sequence <= ring.last) return start.after;
      throw new SluiceError("offset/beyond-end", `Offset ${formatOffset(sequence)} is beyond the end of the topic.`, {
        details: { last: formatOffset(ring.last) },
      });
    },

    follow(key, follower) {
      const topic = topicOf(key);
      topic.followers.add(follower);
      return {
        ring: topic.ring,
        close() {
          topic.followers.delete(follower);
          topic.usedAt = clock.now();
        },
      };
    },

    async present(key, who, connections) {
      const topic = topicOf(key);
      const before = topic.members.get(who) ?? 0;
      if (connections > 0) topic.members.set(who, connections);
      else topic.members.delete(who);
      if (who !== "" && before > 0 !== connections > 0) add(topic, presenceText(before > 0 ? "left" : "joined", who));
    },

    async members(key) {
      return new Map(topics.get(key)?.members);
    },

    async typing(key, who, ms) {
      const topic = topicOf(key);
      if (ms === 0) {
        stopTyping(topic, who);
        return;
      }
      const known = topic.typing.get(who);
      known?.();
      topic.typing.set(
        who,
        clock.timer(ms, () => stopTyping(topic, who)),
      );
      if (!known) add(topic, typingText(who, true));
    },

    async [Symbol.asyncDispose]() {
      for (const { typing } of topics.values()) for (const cancel of typing.values()) cancel();
      topics.clear();
      length = 0;
    },
  };
}

function isIdle({ followers, members, typing }: Topic): boolean {
  return followers.size === 0 && members.size === 0 && typing.size === 0;
}

function costOf({ ring }: Topic): number {
  return TOPIC_COST + ring.cost;
}
