import com.lmax.disruptor.EventHandler;
import com.lmax.disruptor.RingBuffer;
import com.lmax.disruptor.SleepingWaitStrategy;
import com.lmax.disruptor.WaitStrategy;
import com.lmax.disruptor.dsl.Disruptor;
import com.lmax.disruptor.dsl.ProducerType;
import com.lmax.disruptor.util.DaemonThreadFactory;

/**
 * The Disruptor. Its ring buffer has the next power of two slots. Every handler sees every event; those that share the
 * work each take the sequences that are theirs, as 4.0 has no WorkerPool any more.
 */
final class DisruptorItems implements HotPath.Contest {
    /**
     * On two cores about 1.5 times as fast as the default, BlockingWaitStrategy. Yielding and phased backoff came close, and
     * spread further.
     */
    private static final WaitStrategy WAITS = new SleepingWaitStrategy();

    private static final class Event {
        double value;
    }

    private static final class Consumer implements EventHandler<Event> {
        final HotPath.Arrived arrived = new HotPath.Arrived();
        private final int ordinal;
        private final int consumers;

        Consumer(int ordinal, int consumers) {
            this.ordinal = ordinal;
            this.consumers = consumers;
        }

        @Override
        public void onEvent(Event event, long sequence, boolean endOfBatch) {
            if (sequence % consumers == ordinal) arrived.add(event.value);
        }
    }

    @Override
    public HotPath.Arrived run(HotPath.Shape shape) throws InterruptedException {
        int slots = Integer.highestOneBit(2 * shape.capacity() - 1);
        Disruptor<Event> disruptor =
                new Disruptor<>(Event::new, slots, DaemonThreadFactory.INSTANCE, ProducerType.MULTI, WAITS);
        Consumer[] consumers = new Consumer[shape.consumers()];
        for (int ordinal = 0; ordinal < consumers.length; ordinal++) {
            consumers[ordinal] = new Consumer(ordinal, consumers.length);
        }
        disruptor.handleEventsWith(consumers);
        RingBuffer<Event> ring = disruptor.start();
        Producers.join(Producers.start(shape, (from, to) -> {
            for (int value = from; value < to; value++) publish(ring, value);
        }));
        // Returns when every handler has seen all of it.
        disruptor.shutdown();
        HotPath.Arrived total = new HotPath.Arrived();
        for (Consumer consumer : consumers) total.add(consumer.arrived);
        return total;
    }

    private static void publish(RingBuffer<Event> ring, double value) {
        long sequence = ring.next();
        try {
            ring.get(sequence).value = value;
        } finally {
            ring.publish(sequence);
        }
    }
}
