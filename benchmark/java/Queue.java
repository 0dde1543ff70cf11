import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/** An ArrayBlockingQueue, and a thread for each producer and each consumer. */
abstract class Queue<T> implements HotPath.Contest {
    abstract int slots(HotPath.Shape shape);

    abstract void send(BlockingQueue<T> queue, int from, int to) throws InterruptedException;

    abstract void add(HotPath.Arrived arrived, T message);

    /** What each consumer gets last: a BlockingQueue has no close, and its documentation suggests such an object. */
    abstract T end();

    @Override
    public HotPath.Arrived run(HotPath.Shape shape) throws InterruptedException {
        BlockingQueue<T> queue = new ArrayBlockingQueue<>(slots(shape));
        T end = end();
        List<Consumer> consumers = new ArrayList<>();
        for (int index = 0; index < shape.consumers(); index++) consumers.add(new Consumer(queue, end));
        for (Thread consumer : consumers) consumer.start();
        Producers.join(Producers.start(shape, (from, to) -> send(queue, from, to)));
        for (int index = 0; index < shape.consumers(); index++) queue.put(end);
        HotPath.Arrived total = new HotPath.Arrived();
        for (Consumer consumer : consumers) {
            consumer.join();
            total.add(consumer.arrived);
        }
        return total;
    }

    private final class Consumer extends Thread {
        final HotPath.Arrived arrived = new HotPath.Arrived();
        private final BlockingQueue<T> queue;
        private final T end;

        Consumer(BlockingQueue<T> queue, T end) {
            this.queue = queue;
            this.end = end;
        }

        @Override
        public void run() {
            try {
                for (T message = queue.take(); message != end; message = queue.take()) add(arrived, message);
            } catch (InterruptedException error) {
                throw new IllegalStateException(error);
            }
        }
    }
}
