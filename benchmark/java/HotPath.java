import java.util.Arrays;

/**
 * One run of the hot path in Java: {@code HotPath CONTESTANT PRODUCERS CONSUMERS CAPACITY ITEMS}.
 *
 * <p>Each value is stored before it is sent, and read and summed after it was received. Prints one JSON object with the
 * count and the sum that arrived and the time from the start of the first thread to the end of the last. What the JVM
 * spends on compiling is in it, as it is for V8.
 */
public final class HotPath {
    /** As large as those of the other contestants. */
    static final int BATCH = 125;

    record Shape(int producers, int consumers, int capacity, int items) {
        int itemsEach() {
            return items / producers;
        }
    }

    /** What arrived at one consumer. */
    static final class Arrived {
        long count;
        double sum;

        void add(double value) {
            count++;
            sum += value;
        }

        void add(Arrived other) {
            count += other.count;
            sum += other.sum;
        }
    }

    interface Contest {
        Arrived run(Shape shape) throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 5) {
            throw new IllegalArgumentException(
                    "expected CONTESTANT PRODUCERS CONSUMERS CAPACITY ITEMS, got " + Arrays.toString(arguments));
        }
        Contest contest = contest(arguments[0]);
        int[] numbers = Arrays.stream(arguments).skip(1).mapToInt(Integer::parseUnsignedInt).toArray();
        Shape shape = new Shape(numbers[0], numbers[1], numbers[2], numbers[3]);
        long start = System.nanoTime();
        Arrived arrived = contest.run(shape);
        double seconds = (System.nanoTime() - start) / 1e9;
        System.out.println(
                "{\"count\":" + arrived.count + ",\"sum\":" + arrived.sum + ",\"seconds\":" + seconds + "}");
    }

    /** By reflection, so that the others run where the Disruptor's jar is missing. */
    private static Contest contest(String name) throws ReflectiveOperationException {
        return Class.forName(name).asSubclass(Contest.class).getDeclaredConstructor().newInstance();
    }
}
