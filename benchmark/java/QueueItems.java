import java.util.concurrent.BlockingQueue;

/** A number a message, boxed as the queue's type demands. */
final class QueueItems extends Queue<Double> {
    @Override
    int slots(HotPath.Shape shape) {
        return shape.capacity();
    }

    @Override
    void send(BlockingQueue<Double> queue, int from, int to) throws InterruptedException {
        for (int value = from; value < to; value++) queue.put((double) value);
    }

    @Override
    void add(HotPath.Arrived arrived, Double message) {
        arrived.add(message);
    }

    @Override
    Double end() {
        return Double.NaN;
    }
}
