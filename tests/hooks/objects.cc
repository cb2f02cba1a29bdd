// objects.cc - C++: virtual functions, exceptions, threads, what runs before main and after it.
#include <atomic>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

struct Shape {
    virtual ~Shape() { ended++; }
    virtual int area() const = 0;
    static std::atomic<int> ended;
};
std::atomic<int> Shape::ended{0};

struct Square : Shape {
    explicit Square(int side) : side(side) {}
    int area() const override {
        if (side > 100)
            throw std::runtime_error("large");
        return side * side;
    }
    int side;
};

struct Early {
    Early() { names["early"] = 1; }
    ~Early() { std::printf("%zu names\n", names.size()); }
    std::map<std::string, int> names;
};
static Early early;
static thread_local std::vector<int> own;

int main() {
    int sum = 0, thrown = 0;
    std::vector<Shape *> shapes;
    for (int i = 0; i < 200; i++)
        shapes.push_back(new Square(i));
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++)
        threads.emplace_back([] {
            for (int i = 0; i < 1000; i++)
                own.push_back(i);
        });
    for (auto &thread : threads)
        thread.join();
    for (auto *shape : shapes) {
        try {
            sum += shape->area();
        } catch (const std::runtime_error &) {
            thrown++;
        }
        delete shape;
    }
    early.names["main"] = sum;
    std::printf("%d %d %d\n", sum, thrown, Shape::ended.load());
    return 0;
}
