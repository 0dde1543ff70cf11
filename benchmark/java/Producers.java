import java.util.stream.IntStream;

/** A thread for each producer. */
final class Producers {
    interface Send {
        /** Sends the numbers of one producer. */
        void accept(int from, int to) throws InterruptedException;
    }

    private Producers() {}

    /** Gives them when all run; the caller joins them. */
    static Thread[] start(HotPath.Shape shape, Send send) {
        int each = shape.itemsEach();
        Thread[] producers = IntStream.range(0, shape.producers())
                .mapToObj(index -> new Thread(() -> {
                    try {
                        send.accept(index * each, (index + 1) * each);
                    } catch (InterruptedException error) {
                        throw new IllegalStateException(error);
                    }
                }))
                .toArray(Thread[]::new);
        for (Thread producer : producers) producer.start();
        return producers;
    }

    static void join(Thread[] producers) throws InterruptedException {
        for (Thread producer : producers) producer.join();
    }
}
