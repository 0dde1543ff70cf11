import java.util.concurrent.BlockingQueue;

/** An array of numbers a message. */
final class QueueBatches extends Queue<double[]> {
    @Override
    int slots(HotPath.Shape shape) {
        return (shape.capacity() + HotPath.BATCH - 1) / HotPath.BATCH;
    }

    @Override
    void send(BlockingQueue<double[]> queue, int from, int to) throws InterruptedException {
        for (int start = from; start < to; start += HotPath.BATCH) {
            double[] batch = new double[Math.min(HotPath.BATCH, to - start)];
            for (int index = 0; index < batch.length; index++) batch[index] = start + index;
            queue.put(batch);
        }
    }

    @Override
    void add(HotPath.Arrived arrived, double[] message) {
        for (double value : message) arrived.add(value);
    }

    @Override
    double[] end() {
        return new double[0];
    }
}
